import Ledger
import Logging
import Merkle
import Sandbox
import Synchronization

extension SessionManager {
    /// Keeps the answer of a command for a repeat, sealed under the session's key; it is gone with the session.
    func keep(_ answer: APIResponse, of begun: BegunExec) {
        guard let request = begun.idempotent else { return }
        do {
            let session = try environment(of: begun.sessionID)
            session.answers.add(try session.environment.dataKey.seal(answer.record, as: .execAnswer), request.keySHA256)
        } catch {
            // The session has just ended: a repeat is told that, as it would be a moment later anyway.
            logger.debug("an answer was not kept", metadata: ["session": .string(begun.sessionID.text)])
        }
    }

    /// No answer of the command will be kept.
    func keepNothing(of begun: BegunExec) {
        guard let request = begun.idempotent else { return }
        live(begun.sessionID)?.answers.expectNoMore(request.keySHA256)
    }

    /// The kept answer of a command that was run once under this idempotency key; it is never run again.
    ///
    /// - Throws: `conflict` when the command still runs or its answer is not whole yet, with the seconds to wait, or when the
    ///   answer is gone.
    func recallAnswer(to request: IdempotentRequest, in id: SessionID?) throws(APIError) -> APIResponse {
        guard let id, let session = live(id) else {
            throw APIError(
                .conflict,
                "The command was run, and its answer went with the session. It is not run again: create a new session.")
        }
        if let box = session.answers.find(request.keySHA256) {
            do throws(SandboxError) {
                if let answer = APIResponse(record: try session.environment.dataKey.open(box)) { return answer }
            } catch {
                // The key is gone: the session ends at this very moment.
                throw .sessionEndedMeanwhile
            }
        }
        // Also after its end: what streams an answer is not done before its client has taken it, or is gone.
        if session.answers.isExpected(request.keySHA256) {
            throw APIError(
                .conflict,
                "The command with this Idempotency-Key is still running, or its answer is still being sent. Try again in a moment.",
                retryAfterSeconds: 1)
        }
        throw APIError(
            .conflict, "The command was run, but its answer is not kept any more. It is not run again.")
    }
}

/// The newest answers of one session, sealed, up to a number of bytes.
final class RememberedAnswers: Sendable {
    /// Bytes of sealed answers that one session keeps; the oldest go first.
    static let bytesMax = 16 << 20

    private struct State {
        /// Of commands that have begun and whose answers are not there yet.
        var expected: Set<Hash> = []
        var boxes: [Hash: [UInt8]] = [:]
        /// Oldest first.
        var order: [Hash] = []
        var bytes = 0
    }

    private let state = Mutex(State())

    /// A command has begun whose answer is to be kept.
    func expect(_ key: Hash) { state.withLock { _ = $0.expected.insert(key) } }

    func expectNoMore(_ key: Hash) { state.withLock { _ = $0.expected.remove(key) } }

    func isExpected(_ key: Hash) -> Bool { state.withLock { $0.expected.contains(key) } }

    func add(_ box: [UInt8], _ key: Hash) {
        state.withLock { state in
            state.expected.remove(key)
            state.boxes[key] = box
            state.order.append(key)
            state.bytes += box.count
            while state.bytes > Self.bytesMax, let oldest = state.order.first {
                state.order.removeFirst()
                state.bytes -= state.boxes.removeValue(forKey: oldest)?.count ?? 0
            }
        }
    }

    func find(_ key: Hash) -> [UInt8]? { state.withLock { $0.boxes[key] } }
}
