import Synchronization

/// An append whose place in the log is settled and whose durability is not yet known.
public final class PendingAppend: Sendable {
    private enum Outcome {
        case open([CheckedContinuation<Result<AppendReceipt, EventLogError>, Never>])
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
            let settled = outcome.withLock { outcome -> Result<AppendReceipt, EventLogError>? in
                switch outcome {
                case .settled(let result): return result
                case .open(var waiting):
                    waiting.append(continuation)
                    outcome = .open(waiting)
                    return nil
                }
            }
            if let settled { continuation.resume(returning: settled) }
        }
        return try result.get()
    }

    func resolve(_ result: Result<AppendReceipt, EventLogError>) {
        let waiting = outcome.withLock {
            outcome -> [CheckedContinuation<Result<AppendReceipt, EventLogError>, Never>] in
            guard case .open(let waiting) = outcome else { return [] }
            outcome = .settled(result)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }
}

/// Where an append ended up.
public struct AppendReceipt: Sendable, Equatable {
    public let firstSequence: UInt64
    public let count: Int
    /// The tree after the commit that holds the events (and perhaps others after them).
    public let head: TreeHead
}
