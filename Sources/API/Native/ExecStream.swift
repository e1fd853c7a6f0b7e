import CanonicalJSON
import Sandbox
import Synchronization

/// A command's output as it arrives: `stdout` and `stderr` events with `{"text"}`, then one `result` (the members of the
/// plain answer without the output) or one `error` in the native envelope. A quiet command is kept alive by comments.
enum ExecStream {
    /// Longest silence on the connection, in seconds.
    static let keepAliveSeconds = 10

    /// Starts the command. It runs to its end, and is recorded, whether or not somebody goes on listening.
    static func events(of begun: BegunExec, in sessions: SessionManager) -> AsyncStream<ServerSentEvent> {
        // What is kept of the output (1 MiB of each stream) bounds what can wait here for a slow reader.
        let (events, source) = AsyncStream<ServerSentEvent>.makeStream()
        let keepAlive = Task {
            while !Task.isCancelled {
                do { try await Task.sleep(for: .seconds(keepAliveSeconds)) } catch { return }
                source.yield(.keepAlive)
            }
        }
        Task {
            await run(begun, in: sessions, to: source)
            keepAlive.cancel()
            source.finish()
        }
        return events
    }

    private static func run(
        _ begun: BegunExec, in sessions: SessionManager, to source: AsyncStream<ServerSentEvent>.Continuation
    ) async {
        let texts = Mutex((stdout: TextPieces(), stderr: TextPieces()))
        let recorder = StreamRecorder(source, isRecording: begun.idempotent != nil)
        do throws(APIError) {
            let result = try await sessions.run(begun) { piece in
                let (name, text) = texts.withLock { texts in
                    switch piece {
                    case .standardOutput(let bytes): ("stdout", texts.stdout.take(bytes))
                    case .standardError(let bytes): ("stderr", texts.stderr.take(bytes))
                    }
                }
                recorder.send(text, as: name)
            }
            let rests = texts.withLock { ($0.stdout.rest(), $0.stderr.rest()) }
            recorder.send(rests.0, as: "stdout")
            recorder.send(rests.1, as: "stderr")
            recorder.send(ServerSentEvent(name: "result", data: .object(ExecRoute.body(of: result, begun.receipt))))
            sessions.keep(recorder.answer, of: begun)
        } catch {
            source.yield(ServerSentEvent(name: "error", data: Dialect.native.errorBody(error)))
        }
    }
}

/// Passes events on and, for a request that may be repeated, remembers them. What is kept of the output (1 MiB of each
/// stream) bounds what is remembered.
private final class StreamRecorder: Sendable {
    private let source: AsyncStream<ServerSentEvent>.Continuation
    private let isRecording: Bool
    private let bytes = Mutex<[UInt8]>([])

    init(_ source: AsyncStream<ServerSentEvent>.Continuation, isRecording: Bool) {
        self.source = source
        self.isRecording = isRecording
    }

    func send(_ text: String, as name: String) {
        if !text.isEmpty { send(ServerSentEvent(name: name, data: ["text": .string(text)])) }
    }

    func send(_ event: ServerSentEvent) {
        if isRecording { bytes.withLock { $0 += event.bytes } }
        source.yield(event)
    }

    /// All events so far as one answer.
    var answer: APIResponse { .recordedEventStream(bytes.withLock { $0 }) }
}
