import Dispatch
import Synchronization

/// Where appends wait for the writer thread: a pure state machine behind a lock, and the signal that wakes the writer.
final class AppendQueue: Sendable {
    /// One append in the queue.
    struct Entry: Sendable {
        let firstSequence: UInt64
        let drafts: [EventDraft]
        let encoded: [EncodedEvent]
        let textBytes: Int
        let pending: PendingAppend
    }

    private struct State {
        var entries: [Entry] = []
        var textBytes = 0
        var nextSequence: UInt64
        var refusal: EventLogError?
        var isWriterWaiting = false
    }

    private let state: Mutex<State>
    private let wakeUp = DispatchSemaphore(value: 0)
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
                let wakes = state.isWriterWaiting
                state.isWriterWaiting = false
                return (pending, wakes)
            }
        }
        let (pending, wakes) = try result.get()
        if wakes { wakeUp.signal() }
        return pending
    }

    /// Digits of a sequence number and the newline, at most.
    private static let sequenceAndNewlineBytes = 21

    private func checkSizes(_ encoded: [EncodedEvent], textBytes: Int) throws(EventLogError) {
        guard !encoded.isEmpty else { throw EventLogError(.configuration, "an append needs at least one event.") }
        guard encoded.allSatisfy({ $0.bytes.count <= configuration.eventBytesMax }) else {
            throw EventLogError(.tooLarge, "an event is longer than \(configuration.eventBytesMax) bytes.")
        }
        guard textBytes <= configuration.batchTextBytesMax else {
            throw EventLogError(.tooLarge, "one append is longer than \(configuration.batchTextBytesMax) bytes.")
        }
    }

    /// What has gathered, up to one batch; waits while there is nothing. Empty when the queue was closed and drained.
    func takeBatch() -> [Entry] {
        while true {
            let (batch, finished) = state.withLock { state -> ([Entry], Bool) in
                if state.entries.isEmpty {
                    if state.refusal != nil { return ([], true) }
                    state.isWriterWaiting = true
                    return ([], false)
                }
                return (takeGathered(&state), false)
            }
            if !batch.isEmpty || finished { return batch }
            wakeUp.wait()
        }
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
        return batch
    }

    /// Refuses everything from now on; what waits is still handed out, unless `discarding`, when it fails too.
    func refuse(with error: EventLogError, discarding: Bool) {
        let (discarded, wakes) = state.withLock { state -> ([Entry], Bool) in
            if state.refusal == nil { state.refusal = error }
            let wakes = state.isWriterWaiting
            state.isWriterWaiting = false
            guard discarding else { return ([], wakes) }
            defer { state.entries = [] }
            return (state.entries, wakes)
        }
        for entry in discarded { entry.pending.resolve(.failure(error)) }
        if wakes { wakeUp.signal() }
    }
}

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
