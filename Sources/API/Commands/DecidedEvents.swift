import Ledger
import Synchronization

/// What the newest events say, from their decision until the projections take them: so that nothing needs to be read from
/// an event that this process has just written.
///
/// It may forget at any time: what is not here is read from the event.
final class DecidedEvents: Sendable {
    private struct State {
        /// Decisions in the order of the log; what nobody decided on may stand between them.
        var runs: [Run] = []
        /// Events in all of them.
        var count = 0
    }

    /// Events of one decision.
    fileprivate struct Run {
        /// The sequence number of the first.
        let first: UInt64
        let events: [LedgerEvent]

        var end: UInt64 { first + UInt64(events.count) }
    }

    private let countMax: Int
    private let state = Mutex(State())

    /// - Parameter countMax: events that are kept at most; about a quarter of a kilobyte each.
    init(countMax: Int = 8_192) { self.countMax = countMax }

    /// Adds what was decided last; forgets all others when they are too many.
    ///
    /// - Parameters:
    ///   - events: in the order of the log.
    ///   - sequence: the sequence number of the first.
    func add(_ events: [LedgerEvent], at sequence: UInt64) {
        state.withLock { state in
            if state.count + events.count > countMax {
                state.runs.removeAll(keepingCapacity: true)
                state.count = 0
            }
            state.runs.append(Run(first: sequence, events: events))
            state.count += events.count
        }
    }

    /// Takes what is known of the events before `end`, and forgets what stands there alone.
    func take(before end: UInt64) -> Taken {
        state.withLock { state in
            let whole = state.runs.prefix { $0.end <= end }.count
            // A decision that is taken in two parts stays until its second one.
            let taken = Array(state.runs.prefix { $0.first < end })
            state.count -= state.runs[..<whole].reduce(0) { $0 + $1.events.count }
            state.runs.removeFirst(whole)
            return Taken(runs: taken)
        }
    }

    /// What was taken, to be asked for in the order of the log.
    struct Taken {
        fileprivate let runs: [Run]
        private var next = 0

        fileprivate init(runs: [Run]) { self.runs = runs }

        /// What the event with this number says; nil when that is not known. The numbers must ascend from call to call.
        mutating func event(_ sequence: UInt64) -> LedgerEvent? {
            while next < runs.count, runs[next].end <= sequence { next += 1 }
            guard next < runs.count, runs[next].first <= sequence else { return nil }
            return runs[next].events[Int(sequence - runs[next].first)]
        }
    }
}
