import CanonicalJSON
import HummingbirdCore
import NIOCore
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
    private let begun: BegunExec
    private let sessions: SessionManager
    private let keepAlive: Duration
    private var stdout = TextPieces()
    private var stderr = TextPieces()
    /// Those after the last piece of output; nil until then.
    private var last: [ServerSentEvent]?
    /// The events so far, for a request that may be repeated; nil for any other, and when they become too many.
    private var recorded: [UInt8]?
    private var isLeft = false

    /// Longest answer that is kept for a repeat: what is kept of both streams, with the escapes of JSON.
    private static let recordedBytesMax = 8 << 20

    /// Starts the command. It runs to its end, and is recorded, whether or not somebody goes on listening.
    init(_ begun: BegunExec, in sessions: SessionManager, keepAlive: Duration = keepAlive) {
        let output = ExecOutputStream()
        self.output = output
        self.keepAlive = keepAlive
        self.begun = begun
        self.sessions = sessions
        recorded = begun.idempotent == nil ? nil : []
        command = Task {
            // Also when it never started: then nobody else ends the stream.
            defer { output.end() }
            do throws(APIError) { return .success(try await sessions.run(begun, output: output)) } catch {
                return .failure(error)
            }
        }
    }

    /// Nobody listens any more. The answer to a request that may be repeated is still taken to its end; of any other the
    /// output is dropped.
    func leave() async {
        guard !isLeft else { return }
        isLeft = true
        guard recorded != nil else { return output.abandon() }
        while await next() != nil {}
    }

    /// The next event, or nil at the end. One reader.
    func next() async -> ServerSentEvent? {
        let event = await nextEvent()
        if let event, event != .keepAlive { record(event) }
        return event
    }

    private func record(_ event: ServerSentEvent) {
        recorded? += event.bytes
        if let bytes = recorded?.count, bytes > Self.recordedBytesMax {
            recorded = nil
            sessions.keepNothing(of: begun)
        }
        if event.name == "result", let recorded { sessions.keep(.recordedEventStream(recorded), of: begun) }
    }

    private func nextEvent() async -> ServerSentEvent? {
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
            return rests + [ServerSentEvent(name: "result", data: .object(ExecRoute.body(of: result, begun.receipt)))]
        case .failure(let error):
            return rests + [ServerSentEvent(name: "error", data: Dialect.native.errorBody(error))]
        }
    }

    /// No event for no text.
    private static func event(_ name: String, _ text: String) -> ServerSentEvent? {
        text.isEmpty ? nil : ServerSentEvent(name: name, data: ["text": .string(text)])
    }
}

/// A streamed command as the body of an answer. It leaves the stream when it was written, when the client went away
/// meanwhile, and when it is never written at all.
final class ExecStreamBody: BodyStream {
    let contentType = "text/event-stream"
    private let stream: ExecStream

    init(_ stream: ExecStream) { self.stream = stream }

    deinit { leave() }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        defer { leave() }
        while let event = await stream.next() { try await writer.write(ByteBuffer(bytes: event.bytes)) }
        try await writer.finish(nil)
    }

    private func leave() { Task { [stream] in await stream.leave() } }
}
