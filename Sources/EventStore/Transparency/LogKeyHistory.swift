/// Which key may sign a log's trees of which size: the key of the first event, then those that rotations put in its place.
///
/// ```swift
/// var keys = LogKeyHistory(first: verifierKey)
/// try keys.apply(rotation)
/// try keys.verify(checkpoint)     // by the one key that may sign at its size
/// ```
///
/// Trust runs forward only: each key says itself which recovery key may replace it, so nobody but its holder, or the
/// holder of the recovery key that it named, can lead on from it.
public struct LogKeyHistory: Sendable, Equatable {
    /// A key and the largest tree that it may sign; nil while it is the current one.
    public struct Period: Sendable, Equatable {
        public let key: VerifierKey
        public fileprivate(set) var lastSize: UInt64?
        /// By whom the key may be replaced beside itself; nil for nobody.
        public let recovery: RecoveryEndorsement?
    }

    /// Oldest first; never empty.
    public private(set) var periods: [Period]

    /// What ended each period but the last.
    public private(set) var rotations: [LogKeyRotation] = []

    /// The history of a log whose first known key is `key`.
    public init(first key: VerifierKey) { periods = [Period(key: key, recovery: nil)] }

    /// The history of a log whose first known key named a recovery key, or none.
    ///
    /// - Throws: ``NoteError`` when it was not that key who named it.
    public init(first key: VerifierKey, recovery: RecoveryEndorsement?) throws(NoteError) {
        if let recovery {
            guard recovery.logKey == key, recovery.isValid else { throw .badSignature(by: key.name) }
        }
        periods = [Period(key: key, recovery: recovery)]
    }

    private var last: Period { periods[periods.count - 1] }

    /// The key that signs now.
    public var current: VerifierKey { last.key }

    /// The key that may put another one in the place of ``current`` should that be lost; nil for none.
    public var recoveryKey: VerifierKey? { last.recovery?.recoveryKey }

    /// Whether `key` was ever one of the log's.
    public func contains(_ key: VerifierKey) -> Bool { periods.contains { $0.key == key } }

    /// The key that may sign the tree of `size` events.
    public func key(at size: UInt64) -> VerifierKey {
        (periods.first { $0.lastSize.map { size <= $0 } ?? true } ?? last).key
    }

    /// Takes a rotation over.
    ///
    /// - Throws: ``NoteError`` when it does not begin with the current key, goes back, a signature does not hold, or a
    ///   recovery key endorses it that the current key did not name.
    public mutating func apply(_ rotation: LogKeyRotation) throws(NoteError) {
        guard rotation.old == current else {
            throw .malformed("the rotation begins with the key \(rotation.old), but the log's key is \(current)")
        }
        guard !contains(rotation.new) else { throw .malformed("the rotation returns to an earlier key") }
        let lower = periods.count > 1 ? periods[periods.count - 2].lastSize ?? 0 : 0
        guard rotation.lastSize > lower else { throw .malformed("the rotation goes back before an earlier one") }
        if case .recoveryKey(let key) = rotation.endorser {
            guard let recoveryKey else {
                throw .malformed("\(key) endorses a new key, but the log's key \(current) named no recovery key")
            }
            guard recoveryKey == key else {
                throw .malformed("\(key) endorses a new key, but the log's key named the recovery key \(recoveryKey)")
            }
        }
        guard rotation.isValid else { throw .badSignature(by: rotation.old.name) }
        periods[periods.count - 1].lastSize = rotation.lastSize
        periods.append(Period(key: rotation.new, recovery: rotation.recovery))
        rotations.append(rotation)
    }

    /// Takes over what `event` says of the log's keys, if it says anything.
    ///
    /// - Throws: ``NoteError`` for a rotation that does not hold, or that stands elsewhere than it says.
    public mutating func apply(_ event: Envelope) throws(NoteError) {
        guard LogKeyRotation.isCarried(byType: event.event.type) else { return }
        guard let rotation = LogKeyRotation(data: event.event.data), rotation.type == event.event.type else {
            throw .malformed("event \(event.sequence) is no rotation of the log's key")
        }
        guard rotation.lastSize == event.sequence else {
            throw .malformed("event \(event.sequence) rotates the log's key at size \(rotation.lastSize)")
        }
        try apply(rotation)
    }

    /// Checks that the one key that may sign at the checkpoint's size did sign it.
    ///
    /// - Throws: ``NoteError``; ``NoteError/retired(key:lastSize:)`` when an earlier key signed beyond its last size.
    public func verify(_ checkpoint: Checkpoint) throws(NoteError) {
        let key = key(at: checkpoint.head.size)
        guard checkpoint.origin == key.name else {
            throw .malformed("it is of the origin \(checkpoint.origin), not of \(key.name)")
        }
        do throws(NoteError) { try checkpoint.verify(with: key) } catch {
            for period in periods {
                guard let lastSize = period.lastSize, lastSize < checkpoint.head.size else { continue }
                if checkpoint.isSigned(by: period.key) {
                    throw .retired(key: period.key.description, lastSize: lastSize)
                }
            }
            throw error
        }
    }
}

extension LogKeyHistory {
    /// The keys that the events in `directory` name; nil for a log without a first event. Blocking: reads the whole log.
    ///
    /// - Throws: `io`, or `damaged` for a rotation that does not hold. What stands after damage does not count.
    public static func read(
        from directory: String, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws -> LogKeyHistory? {
        var keys: LogKeyHistory?
        guard try fileSystem.exists(directory) else { return nil }
        _ = try LogScanner(directory: directory, fileSystem: fileSystem).scan { batch in
            for event in try batch.envelopes() {
                if event.sequence == 0 { keys = FirstEvent.keys(in: event) }
                try keys?.apply(event)
            }
        }
        return keys
    }
}
