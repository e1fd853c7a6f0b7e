import Dispatch
import Synchronization

/// The log from a position on: first its history, then each event as it becomes durable, without gap or repeat.
///
/// ```swift
/// for try await events in log.subscribe(from: position) { … }
/// ```
///
/// Used by one reader at a time. A reader that falls behind is served from the files; it never slows the writer and
/// never makes memory grow.
public final class LogSubscription: AsyncSequence, Sendable {
    public typealias Element = [Envelope]

    /// Events handed out at once, at most.
    public static let eventsMax = 4096

    private let feed: CommitFeed
    private let reader: LogReader
    private let position: Mutex<UInt64>

    init(feed: CommitFeed, reader: LogReader, position: UInt64) {
        self.feed = feed
        self.reader = reader
        self.position = Mutex(position)
    }

    /// The next events, as soon as there are some; nil when the log was closed, or the task cancelled.
    ///
    /// - Throws: ``EventLogError`` when the log failed or a file cannot be read.
    public func next() async throws(EventLogError) -> [Envelope]? {
        while !Task.isCancelled {
            let current = position.withLock { $0 }
            switch feed.answer(at: current, count: Self.eventsMax) {
            case .events(let events): return advance(over: events)
            case .ended(let failure):
                if let failure { throw failure }
                return nil
            case .onDisk:
                let reader = reader
                return advance(
                    over: try await reader.worker.run { () throws(EventLogError) in
                        try reader.read(from: current, count: Self.eventsMax)
                    })
            case .wait: await waitForEvents(at: current)
            }
        }
        return nil
    }

    /// Same as ``next()``, for a thread of its own: blocks it.
    public func nextBlocking() throws(EventLogError) -> [Envelope]? {
        while true {
            let current = position.withLock { $0 }
            switch feed.answer(at: current, count: Self.eventsMax) {
            case .events(let events): return advance(over: events)
            case .ended(let failure):
                if let failure { throw failure }
                return nil
            case .onDisk: return advance(over: try reader.read(from: current, count: Self.eventsMax))
            case .wait:
                let semaphore = DispatchSemaphore(value: 0)
                if feed.register(.thread(semaphore), at: current) != nil { semaphore.wait() }
            }
        }
    }

    private func advance(over events: [Envelope]) -> [Envelope] {
        if let last = events.last { position.withLock { $0 = last.sequence + 1 } }
        return events
    }

    private func waitForEvents(at current: UInt64) async {
        let registration = Mutex<(number: UInt64?, isCancelled: Bool)>((nil, false))
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let number = feed.register(.continuation(continuation), at: current)
                guard let number else { return continuation.resume() }
                let isCancelled = registration.withLock { state in
                    state.number = number
                    return state.isCancelled
                }
                if isCancelled { feed.cancel(number) }
            }
        } onCancel: {
            let number = registration.withLock { state in
                state.isCancelled = true
                return state.number
            }
            if let number { feed.cancel(number) }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let subscription: LogSubscription

        public mutating func next() async throws(EventLogError) -> [Envelope]? { try await subscription.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(EventLogError) -> [Envelope]? {
            try await subscription.next()
        }
    }
}
