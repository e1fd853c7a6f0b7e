import Proofs
import Ledger
import Sandbox
import Synchronization

/// A session's environment while it lives, and its end when that has begun.
final class LiveSession: Sendable {
    let id: SessionID
    let environment: SessionEnvironment
    /// Answers to execs that may be repeated, sealed under the session's key.
    let answers = RememberedAnswers()
    private let ending = Mutex<Task<Result<APIResponse, APIError>, Never>?>(nil)

    init(id: SessionID, environment: SessionEnvironment) {
        self.id = id
        self.environment = environment
    }

    /// Whether its end has begun.
    var isEnding: Bool { ending.withLock { $0 != nil } }

    /// Ends the session once; whoever comes later gets the same answer.
    func end(_ body: @escaping @Sendable () async -> Result<APIResponse, APIError>) async -> Result<
        APIResponse, APIError
    > {
        let task = ending.withLock { ending in
            if let ending { return ending }
            // Not a child of the request: a client that hangs up must not stop a destruction half way.
            let task = Task { await body() }
            ending = task
            return task
        }
        return await task.value
    }
}
