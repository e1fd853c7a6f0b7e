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

    private struct Commands {
        /// From a command's start until its result is in the log.
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let commands = Mutex(Commands())

    /// Runs a command and records its result; ``commandsRecorded()`` waits for it.
    func executing<Value>(_ body: () async throws(APIError) -> Value) async throws(APIError) -> Value {
        commands.withLock { $0.running += 1 }
        defer {
            let waiting = commands.withLock { commands in
                commands.running -= 1
                guard commands.running == 0 else { return [] as [CheckedContinuation<Void, Never>] }
                defer { commands.waiting = [] }
                return commands.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
        return try await body()
    }

    /// Waits until the result of every command that runs is in the log. After the environment's destruction, which ends
    /// them all, this takes no longer than that.
    func commandsRecorded() async {
        await withCheckedContinuation { continuation in
            let isIdle = commands.withLock { commands in
                if commands.running > 0 { commands.waiting.append(continuation) }
                return commands.running == 0
            }
            if isIdle { continuation.resume() }
        }
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
