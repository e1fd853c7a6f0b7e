import Dispatch
import Synchronization

/// Durable events as they come: the newest in memory, a signal for those who wait. Fed by the writer thread.
final class CommitFeed: Sendable {
    /// Who waits for the log to grow: async code or a thread.
    enum Waiter: Sendable {
        case continuation(CheckedContinuation<Void, Never>)
        case thread(DispatchSemaphore)

        func wake() {
            switch self {
            case .continuation(let continuation): continuation.resume()
            case .thread(let semaphore): semaphore.signal()
            }
        }
    }

    /// What a reader at some position should do.
    enum Answer {
        case events([Envelope])
        /// No longer in memory: read it from the files.
        case onDisk
        case wait
        case ended(EventLogError?)
    }

    private struct State {
        var head: TreeHead
        var recent: [Envelope] = []
        var isEnded = false
        var failure: EventLogError?
        var waiters: [UInt64: Waiter] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state: Mutex<State>
    private let eventsMax: Int

    init(head: TreeHead, eventsMax: Int) {
        state = Mutex(State(head: head))
        self.eventsMax = eventsMax
    }

    /// The durable tree.
    var head: TreeHead { state.withLock { $0.head } }

    func publish(_ envelopes: [Envelope], head: TreeHead) {
        let waiters = state.withLock { state in
            state.recent.append(contentsOf: envelopes)
            // Cut rarely, so that each event is moved once on average.
            if state.recent.count > 2 * eventsMax { state.recent.removeFirst(state.recent.count - eventsMax) }
            state.head = head
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.wake() }
    }

    /// Ends every subscription after what is durable; with an error when the log failed.
    func end(failure: EventLogError?) {
        let waiters = state.withLock { state in
            state.isEnded = true
            state.failure = failure
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.wake() }
    }

    private static func takeWaiters(_ state: inout State) -> [Waiter] {
        defer { state.waiters.removeAll(keepingCapacity: true) }
        return Array(state.waiters.values)
    }

    func answer(at position: UInt64, count: Int) -> Answer {
        state.withLock { state in
            guard position < state.head.size else { return state.isEnded ? .ended(state.failure) : .wait }
            guard let first = state.recent.first?.sequence, position >= first else { return .onDisk }
            let start = Int(position - first)
            return .events(Array(state.recent[start..<min(state.recent.count, start + count)]))
        }
    }

    /// Registers `waiter` unless there is something at `position` (or nothing more to come) by now.
    ///
    /// - Returns: a number to take it back with, or nil when it was not registered.
    func register(_ waiter: Waiter, at position: UInt64) -> UInt64? {
        state.withLock { state in
            guard position >= state.head.size, !state.isEnded else { return nil }
            defer { state.nextWaiter += 1 }
            state.waiters[state.nextWaiter] = waiter
            return state.nextWaiter
        }
    }

    /// Wakes one waiter early, for cancellation.
    func cancel(_ number: UInt64) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: number) }
        waiter?.wake()
    }
}
