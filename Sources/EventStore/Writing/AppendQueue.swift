import Dispatch
import Glibc
import Synchronization

/// Where appends wait for the writer thread: a state machine behind a lock, and the signal that wakes the writer.
final class AppendQueue: Sendable {
    /// One append in the queue.
    struct Entry: Sendable {
        let firstSequence: UInt64
        let drafts: [EventDraft]
        let encoded: [EncodedEvent]
        let textBytes: Int
        let pending: PendingAppend
    }

    /// What the writer thread should do next.
    enum Work: Sendable {
        case commit([Entry])
        /// The queue was closed and drained.
        case end
    }

    private struct State {
        var entries: [Entry] = []
        var textBytes = 0
        var nextSequence: UInt64
        var refusal: EventLogError?
        var isWriterWaiting = false
    }

    private let state: Mutex<State>
    /// How many entries are in the queue, for the writer to see without the lock. Written under it.
    private let waiting = Atomic<Int>(0)
    private let wakeUp = DispatchSemaphore(value: 0)
    /// Callers of ``gathering(_:)`` at the moment. Written under the lock.
    private let gatherers = Atomic<Int>(0)
    private let configuration: EventLogConfiguration

    init(nextSequence: UInt64, configuration: EventLogConfiguration) {
        state = Mutex(State(nextSequence: nextSequence))
        self.configuration = configuration
    }

    /// The sequence that the next submitted event will get.
    var nextSequence: UInt64 { state.withLock { $0.nextSequence } }

    /// Puts events in the queue; their sequence numbers are settled when this returns.
    func submit(_ drafts: [EventDraft], expecting: UInt64?) throws(EventLogError) -> PendingAppend {
        let encoded = drafts.map(EncodedEvent.init)
        let textBytes = encoded.reduce(0) { $0 + $1.bytes.count + Self.sequenceAndNewlineBytes }
        try checkSizes(encoded, textBytes: textBytes)
        let result: Result<(PendingAppend, Bool), EventLogError> = state.withLock { state in
            Result { () throws(EventLogError) in
                if let refusal = state.refusal { throw refusal }
                if let expecting, expecting != state.nextSequence {
                    throw EventLogError(
                        .unexpectedPosition, "the log is at \(state.nextSequence), not at \(expecting). Decide again.")
                }
                guard state.textBytes + textBytes <= configuration.queueBytesMax else {
                    throw EventLogError(.overloaded, "too much is waiting for the disk. Try again in a moment.")
                }
                let pending = PendingAppend(firstSequence: state.nextSequence, count: drafts.count)
                state.entries.append(
                    Entry(
                        firstSequence: state.nextSequence, drafts: drafts, encoded: encoded, textBytes: textBytes,
                        pending: pending))
                state.nextSequence += UInt64(drafts.count)
                state.textBytes += textBytes
                return (pending, noteGrowth(&state))
            }
        }
        let (pending, wakes) = try result.get()
        if wakes { wakeUp.signal() }
        return pending
    }

    /// - Returns: whether the writer must be woken.
    private func noteGrowth(_ state: inout State) -> Bool {
        waiting.store(state.entries.count, ordering: .releasing)
        guard gatherers.load(ordering: .relaxed) == 0 else { return false }
        defer { state.isWriterWaiting = false }
        return state.isWriterWaiting
    }

    /// Callers of ``gathering(_:)`` at the moment.
    var gathererCount: Int { gatherers.load(ordering: .relaxed) }

    /// Lets what `body` submits come together: the writer takes nothing before it returns.
    func gathering(_ body: () -> Void) {
        state.withLock { _ in _ = gatherers.add(1, ordering: .relaxed) }
        body()
        let wakes = state.withLock { state in
            let (_, left) = gatherers.subtract(1, ordering: .releasing)
            guard left == 0, !state.entries.isEmpty else { return false }
            defer { state.isWriterWaiting = false }
            return state.isWriterWaiting
        }
        if wakes { wakeUp.signal() }
    }

    /// Digits of a sequence number and the newline, at most.
    private static let sequenceAndNewlineBytes = 21

    /// How long the writer looks out for more after a commit before it sleeps.
    private static let lookOut = Duration.microseconds(50)

    private func checkSizes(_ encoded: [EncodedEvent], textBytes: Int) throws(EventLogError) {
        guard !encoded.isEmpty else { throw EventLogError(.configuration, "an append needs at least one event.") }
        guard encoded.allSatisfy({ $0.bytes.count <= configuration.eventBytesMax }) else {
            throw EventLogError(.tooLarge, "an event is longer than \(configuration.eventBytesMax) bytes.")
        }
        guard textBytes <= configuration.batchTextBytesMax else {
            throw EventLogError(.tooLarge, "one append is longer than \(configuration.batchTextBytesMax) bytes.")
        }
    }

    /// What has gathered, up to one batch; waits while there is nothing.
    func take() -> Work {
        lookOut()
        while true {
            let work: Work? = state.withLock { state in
                if !state.entries.isEmpty, gatherers.load(ordering: .relaxed) == 0 {
                    return .commit(takeGathered(&state))
                }
                if state.entries.isEmpty, state.refusal != nil { return .end }
                state.isWriterWaiting = true
                return nil
            }
            if let work { return work }
            wakeUp.wait()
        }
    }

    /// Stays awake a little while the queue is empty: who was just answered often has the next append at hand, and to
    /// wake a sleeping thread takes 15 to 20 µs, a sixth of a whole lone append (docs/benchmarks.md).
    private func lookOut() {
        guard !hasWork else { return }
        let clock = ContinuousClock()
        let end = clock.now + Self.lookOut
        while !hasWork, clock.now < end { sched_yield() }
    }

    private var hasWork: Bool {
        waiting.load(ordering: .acquiring) > 0 && gatherers.load(ordering: .acquiring) == 0
    }

    private func takeGathered(_ state: inout State) -> [Entry] {
        var bytes = 0
        let end = state.entries.firstIndex { entry in
            bytes += entry.textBytes
            return bytes > configuration.batchTextBytesMax
        }
        let batch = end.map { Array(state.entries[..<$0]) } ?? state.entries
        if let end { state.entries.removeFirst(end) } else { state.entries.removeAll(keepingCapacity: true) }
        state.textBytes -= batch.reduce(0) { $0 + $1.textBytes }
        waiting.store(state.entries.count, ordering: .releasing)
        return batch
    }

    /// Refuses everything from now on; what waits is still handed out, unless `discarding`, when it fails too.
    func refuse(with error: EventLogError, discarding: Bool) {
        let (discarded, wakes) = state.withLock { state -> ([Entry], Bool) in
            if state.refusal == nil { state.refusal = error }
            let wakes = state.isWriterWaiting
            state.isWriterWaiting = false
            guard discarding else { return ([], wakes) }
            defer {
                state.entries = []
                waiting.store(0, ordering: .releasing)
            }
            return (state.entries, wakes)
        }
        for entry in discarded { entry.pending.resolve(.failure(error)) }
        if wakes { wakeUp.signal() }
    }
}
