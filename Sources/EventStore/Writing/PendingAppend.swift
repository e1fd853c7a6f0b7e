import Dispatch
import Synchronization

/// An append whose place in the log is settled and whose durability is not yet known.
public final class PendingAppend: Sendable {
    /// Who waits: async code, a thread, or nobody, and something is to be done.
    private enum Waiter {
        case continuation(CheckedContinuation<Result<AppendReceipt, EventLogError>, Never>)
        case action(@Sendable (Result<AppendReceipt, EventLogError>) -> Void)
        case thread(DispatchSemaphore)

        func wake(with result: Result<AppendReceipt, EventLogError>) {
            switch self {
            case .continuation(let continuation): continuation.resume(returning: result)
            case .action(let action): action(result)
            case .thread(let semaphore): semaphore.signal()
            }
        }
    }

    private enum Outcome {
        case open([Waiter])
        case settled(Result<AppendReceipt, EventLogError>)
    }

    /// Sequence of the first event.
    public let firstSequence: UInt64
    /// Number of events.
    public let count: Int
    private let outcome = Mutex(Outcome.open([]))

    init(firstSequence: UInt64, count: Int) {
        self.firstSequence = firstSequence
        self.count = count
    }

    /// Sequence after the last event.
    public var endSequence: UInt64 { firstSequence + UInt64(count) }

    /// Waits until the events are durable.
    ///
    /// - Throws: `io` or `poisoned` when they are not; whether the disk holds them is then known only after a restart.
    public func durable() async throws(EventLogError) -> AppendReceipt {
        let result = await withCheckedContinuation { continuation in
            if let settled = register(.continuation(continuation)) { continuation.resume(returning: settled) }
        }
        return try result.get()
    }

    /// Does something once it is known whether the events are durable.
    ///
    /// - Parameter action: called once with what ``durable()`` would say, on the thread that says so to everybody, or at once on
    ///   the caller's; keep it to microseconds.
    public func whenDurable(_ action: @escaping @Sendable (Result<AppendReceipt, EventLogError>) -> Void) {
        if let settled = register(.action(action)) { action(settled) }
    }

    /// Same. Blocking: for threads of one's own only.
    func waitUntilDurable() throws(EventLogError) {
        let settled = DispatchSemaphore(value: 0)
        var result = register(.thread(settled))
        if result == nil {
            settled.wait()
            result = register(.thread(settled))
        }
        _ = try result?.get()
    }

    /// The outcome; while there is none, `waiter` is woken when there is.
    private func register(_ waiter: Waiter) -> Result<AppendReceipt, EventLogError>? {
        outcome.withLock { outcome -> Result<AppendReceipt, EventLogError>? in
            switch outcome {
            case .settled(let result): return result
            case .open(var waiting):
                waiting.append(waiter)
                outcome = .open(waiting)
                return nil
            }
        }
    }

    func resolve(_ result: Result<AppendReceipt, EventLogError>) {
        let waiting = outcome.withLock {
            outcome -> [Waiter] in
            guard case .open(let waiting) = outcome else { return [] }
            outcome = .settled(result)
            return waiting
        }
        for waiter in waiting { waiter.wake(with: result) }
    }
}

/// Where an append ended up.
public struct AppendReceipt: Sendable, Equatable {
    public let firstSequence: UInt64
    public let count: Int
    /// The tree after the commit that holds the events (and perhaps others after them).
    public let head: TreeHead
}
