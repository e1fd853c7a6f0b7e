import Merkle

/// What a backup did.
public struct BackupReport: Sendable, Equatable {
    /// Segments of the log.
    public internal(set) var segments = 0
    /// Segments that were copied for the first time.
    public internal(set) var copied = 0
    /// Segments that had grown, or whose copy was damaged, and were copied anew.
    public internal(set) var renewed = 0
    /// Segments whose recompressed form took the place of the first one: the same events, the same roots.
    public internal(set) var recompressed = 0
    /// Segments that were there already and unchanged.
    public internal(set) var unchanged = 0
    /// Bytes written to the destination, each read back and compared.
    public internal(set) var copiedBytes = 0
    /// Events that the backup holds.
    public internal(set) var head = TreeHead(size: 0, root: TreeHasher.emptyRoot)
    /// Of these, events that it did not hold before.
    public internal(set) var newEvents: UInt64 = 0
    /// Size of the tree that the copied checkpoint signs; nil when the log has none.
    public internal(set) var checkpointSize: UInt64?
    /// Files of the copy that were not what had been written there and were made anew.
    public internal(set) var damagedCopies: [String] = []
}
