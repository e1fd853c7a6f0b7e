import Dispatch
import EventStore
import Logging
import Projections
import Synchronization

/// Keeps the projections in step with the log, on a thread of its own: one transaction for whatever was committed
/// meanwhile. Writers wait here until their events can be read, or leave that to whoever reads next.
///
/// While nobody waits, it lets events gather for a moment: a transaction costs a page of every table that it touches, whether
/// for one row or for hundreds (docs/benchmarks.md, "What a sign-up does for speed").
final class ProjectionFollower: Sendable {
    private struct Waiter: Sendable {
        let position: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var position: UInt64
        var failure: String?
        var waiters: [Waiter] = []
        /// Who follows along, by a number of their own.
        var followers: [UInt64: AsyncStream<Growth>.Continuation] = [:]
        var followersEver: UInt64 = 0
        /// Whether the thread lets events gather, and must be woken by who waits.
        var isGathering = false

        mutating func wake(_ thread: DispatchSemaphore) {
            guard isGathering else { return }
            isGathering = false
            thread.signal()
        }
    }

    /// Why a follower is woken.
    enum Growth: Sendable { case grown, silence }

    /// What was decided, by those who decide.
    let decided = DecidedEvents()

    private let store: ProjectionStore
    private let logger: Logger
    private let state: Mutex<State>
    /// Signalled when somebody waits for the thread that lets events gather.
    private let isWanted = DispatchSemaphore(value: 0)
    /// Everything before it was answered for, and is waited for by whoever reads.
    private let promised = Atomic<UInt64>(0)

    /// Longest that events gather, in milliseconds.
    private static let gatheringMilliseconds = 20
    /// Events that answers may be ahead of what can be read.
    private static let eventsAheadMax: UInt64 = 4_096

    init(store: ProjectionStore, logger: Logger) {
        self.store = store
        self.logger = logger
        state = Mutex(State(position: store.position))
    }

    /// Why the projections no longer follow the log; nil while they do.
    var failure: String? { state.withLock { $0.failure } }

    /// The sequence number of the next event to be projected.
    var position: UInt64 { state.withLock { $0.position } }

    /// Calls that wait until more can be read.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Follows `log` from where the projections are until it is closed.
    func start(following log: EventLog) {
        let subscription = log.subscribe(from: position)
        DedicatedThread.start(name: "nrx-projections") { [self] in
            do {
                while let events = try subscription.nextBlocking() {
                    try apply(events)
                    gather()
                }
                // What was committed last has been applied: the subscription ends behind it.
                fail("the log was closed")
            } catch {
                logger.critical("projections stopped", metadata: ["error": .string("\(error)")])
                fail("\(error)")
            }
        }
    }

    private func apply(_ events: [Envelope]) throws(ProjectionError) {
        guard let last = events.last else { return }
        var known = decided.take(before: last.sequence + 1)
        try store.apply(events) { known.event($0) }
        advance(to: last.sequence + 1)
    }

    /// Waits until everything before `position` can be read.
    ///
    /// - Throws: `internalError` when the projections have stopped; the events are durable all the same.
    func caughtUp(to position: UInt64) async throws(APIError) {
        let isThere = await withCheckedContinuation { continuation in
            let answer: Bool? = state.withLock { state in
                if state.position >= position { return true }
                if state.failure != nil { return false }
                state.waiters.append(Waiter(position: position, continuation: continuation))
                state.wake(isWanted)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
        guard isThere else { throw .internalError }
    }

    /// Lets an answer be given before everything before `position` can be read: ``caughtUpWithAnswers()`` waits for that.
    ///
    /// - Parameter answer: called once, and later than at once only when answers are ``eventsAheadMax`` events ahead; its error
    ///   is that of ``caughtUp(to:)``.
    func promise(_ position: UInt64, then answer: @escaping @Sendable (Result<Void, APIError>) -> Void) {
        promised.max(position, ordering: .releasing)
        guard failure == nil else { return answer(.failure(.internalError)) }
        guard position > store.position + Self.eventsAheadMax else { return answer(.success(())) }
        Task {
            do throws(APIError) {
                try await caughtUp(to: position - Self.eventsAheadMax)
                answer(.success(()))
            } catch { answer(.failure(error)) }
        }
    }

    /// Waits until everything that was answered for can be read. To be called before anything is read for a request; costs
    /// two atomic loads when there is nothing to wait for.
    ///
    /// - Throws: as ``caughtUp(to:)``.
    func caughtUpWithAnswers() async throws(APIError) {
        let promised = promised.load(ordering: .acquiring)
        if store.position < promised { try await caughtUp(to: promised) }
    }

    /// Waits until nothing more will be applied: everything is, or the projections have failed. After the log was closed.
    func ended() async {
        // Nothing ever reaches that position, so this returns when following ends.
        do throws(APIError) { try await caughtUp(to: .max) } catch {}
    }

    /// Wakes whoever iterates: at once, whenever more can be read, and after each `interval` in any case. Missed wakes
    /// merge into one. Ends when the projections do.
    func growth(atLeastEvery interval: Duration) -> AsyncStream<Growth> {
        let (stream, continuation) = AsyncStream<Growth>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = state.withLock { state in
            guard state.failure == nil else { return nil }
            state.followersEver += 1
            state.followers[state.followersEver] = continuation
            state.wake(isWanted)
            return state.followersEver
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        let timer = Task {
            while !Task.isCancelled {
                do { try await Task.sleep(for: interval) } catch { return }
                continuation.yield(.silence)
            }
        }
        continuation.onTermination = { [weak self] _ in
            timer.cancel()
            self?.state.withLock { _ = $0.followers.removeValue(forKey: number) }
        }
        continuation.yield(.grown)
        return stream
    }

    /// Lets events come for a moment, unless somebody waited for the last ones, or waits or follows now.
    private func gather() {
        guard state.withLock({ $0.isGathering }) else { return }
        _ = isWanted.wait(timeout: .now() + .milliseconds(Self.gatheringMilliseconds))
        state.withLock { $0.isGathering = false }
    }

    private func advance(to position: UInt64) {
        let (ready, followers) = state.withLock { state in
            state.position = position
            let ready = state.waiters.filter { $0.position <= position }
            if !ready.isEmpty { state.waiters.removeAll { $0.position <= position } }
            state.isGathering = ready.isEmpty && state.waiters.isEmpty && state.followers.isEmpty
            return (ready, Array(state.followers.values))
        }
        for follower in followers { follower.yield(.grown) }
        for waiter in ready { waiter.continuation.resume(returning: true) }
    }

    private func fail(_ reason: String) {
        let (waiting, followers) = state.withLock { state in
            state.failure = reason
            defer { (state.waiters, state.followers) = ([], [:]) }
            return (state.waiters, Array(state.followers.values))
        }
        for follower in followers { follower.finish() }
        for waiter in waiting { waiter.continuation.resume(returning: false) }
    }
}
