import Dispatch
import Synchronization

/// One thread that runs jobs one after the other and stays until it is told to end.
///
/// Environments are spawned on such a thread: bubblewrap's `--die-with-parent` follows the *thread* that started it, so
/// that thread may end only when no environment is left.
final class SerialThread: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isEnding = false
    }

    /// Owned by its lock.
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    init() throws(SandboxError) {
        let failure = Thread.detach(stackBytes: 512 * 1024) { [self] in serve() }
        guard failure == 0 else { throw .system("cannot start a thread", failure) }
    }

    /// Runs `body` there and waits. Call from a thread that may block.
    func sync<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let handoff = Handoff<Value, Failure>()
        state.withLock { state in state.jobs.append { handoff.finish(Result(catching: body)) } }
        wake.signal()
        return try handoff.wait().get()
    }

    /// Lets the thread end after the jobs that it has.
    func end() {
        state.withLock { $0.isEnding = true }
        wake.signal()
    }

    private func serve() {
        while true {
            wake.wait()
            let next = state.withLock { state -> (job: (@Sendable () -> Void)?, isLast: Bool) in
                state.jobs.isEmpty ? (nil, state.isEnding) : (state.jobs.removeFirst(), false)
            }
            next.job?()
            if next.isLast { return }
        }
    }
}

/// One result on its way from one thread to another that waits for it.
private final class Handoff<Value: Sendable, Failure: Error>: Sendable {
    private let result = Mutex<Result<Value, Failure>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func finish(_ value: Result<Value, Failure>) {
        result.withLock { $0 = value }
        done.signal()
    }

    func wait() -> Result<Value, Failure> {
        done.wait()
        guard let value = result.withLock({ $0 }) else { preconditionFailure("signalled before it was finished") }
        return value
    }
}
