import CanonicalJSON
import Sandbox

/// A command's output as it arrives: `stdout` and `stderr` events with `{"text"}`, then one `result` (the members of the
/// plain answer without the output) or one `error` in the native envelope. A quiet command is kept alive by comments.
///
/// Events are made when the connection asks for them: for a client that stalls there is never more in memory than
/// ``ExecOutputStream`` lets wait, and the command waits for it.
actor ExecStream {
    /// Longest silence on the connection.
    static let keepAlive = Duration.seconds(10)

    private let output: ExecOutputStream
    private let command: Task<Result<ExecResult, APIError>, Never>
    private let receipt: ExecReceipt
    private let keepAlive: Duration
    private var stdout = TextPieces()
    private var stderr = TextPieces()
    /// Those after the last piece of output; nil until then.
    private var last: [ServerSentEvent]?

    /// Starts the command. It runs to its end, and is recorded, whether or not somebody goes on listening.
    static func events(
        of begun: BegunExec, in sessions: SessionManager, keepAlive: Duration = keepAlive
    ) -> AsyncStream<ServerSentEvent> {
        let stream = ExecStream(begun, in: sessions, keepAlive: keepAlive)
        return AsyncStream { await stream.next() }
    }

    private init(_ begun: BegunExec, in sessions: SessionManager, keepAlive: Duration) {
        let output = ExecOutputStream()
        self.output = output
        self.keepAlive = keepAlive
        receipt = begun.receipt
        command = Task {
            // Also when it never started: then nobody else ends the stream.
            defer { output.end() }
            do throws(APIError) { return .success(try await sessions.run(begun, output: output)) } catch {
                return .failure(error)
            }
        }
    }

    deinit { output.abandon() }

    private func next() async -> ServerSentEvent? {
        while last == nil {
            switch await output.next(quietAfter: keepAlive) {
            case .piece(.standardOutput(let bytes)):
                if let event = Self.event("stdout", stdout.take(bytes)) { return event }
            case .piece(.standardError(let bytes)):
                if let event = Self.event("stderr", stderr.take(bytes)) { return event }
            case .quiet: return .keepAlive
            case .end: last = await ending()
            }
        }
        return last?.isEmpty ?? true ? nil : last?.removeFirst()
    }

    /// What is left of the texts, and how the command ended.
    private func ending() async -> [ServerSentEvent] {
        let rests = [Self.event("stdout", stdout.rest()), Self.event("stderr", stderr.rest())].compactMap { $0 }
        switch await command.value {
        case .success(let result):
            return rests + [ServerSentEvent(name: "result", data: .object(ExecRoute.body(of: result, receipt)))]
        case .failure(let error):
            return rests + [ServerSentEvent(name: "error", data: Dialect.native.errorBody(error))]
        }
    }

    /// No event for no text.
    private static func event(_ name: String, _ text: String) -> ServerSentEvent? {
        text.isEmpty ? nil : ServerSentEvent(name: name, data: ["text": .string(text)])
    }
}
