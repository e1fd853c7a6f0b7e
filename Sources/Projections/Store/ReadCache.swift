import Synchronization

/// What was read from the tables since anything was last applied to them, for reads that come again and again: the query is
/// about a fifth of the processor time of a read of an account (docs/benchmarks.md).
///
/// All of it belongs to one position of the projections and is forgotten at the next, so it can never be older than the
/// tables. It holds a fixed number of values; when it is full, reads ask the tables.
final class ReadCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var position: UInt64 = 0
        var values: [Key: Value] = [:]
    }

    private let countMax: Int
    private let state = Mutex(State())

    init(countMax: Int) { self.countMax = countMax }

    /// The value that was read for `key` at `position`, or what `read` finds now. That nothing was found is not remembered.
    ///
    /// - Parameter position: of the projections, taken before.
    func value<Failure: Error>(
        for key: Key, at position: UInt64, _ read: () throws(Failure) -> Value?
    ) throws(Failure) -> Value? {
        let known = state.withLock { $0.position == position ? $0.values[key] : nil }
        if let known { return known }
        guard let value = try read() else { return nil }
        state.withLock { state in
            if state.position < position {
                state.values.removeAll(keepingCapacity: true)
                state.position = position
            }
            if state.position == position, state.values.count < countMax { state.values[key] = value }
        }
        return value
    }
}
