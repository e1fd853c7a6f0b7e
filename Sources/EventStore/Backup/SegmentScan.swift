import Merkle

/// One segment, verified from the tree before it on.
struct SegmentScan {
    /// What a backup records of it; nil when it holds no batch.
    let entry: BackupRecord.Segment?
    let damage: LogScan.Damage?
    /// Whether all of its batches were recompressed.
    let isRecompressed: Bool
    /// The root at the size that was asked for; nil when the segment does not reach it.
    let rootAtHeld: Hash?

    /// - Parameters:
    ///   - tree: over all events before the segment.
    ///   - isLast: whether a filler or a torn write may follow its batches.
    ///   - size: a tree size whose root is wanted.
    init(
        _ bytes: [UInt8], name: String, path: String, tree: CompactRange, isLast: Bool, rootAt size: UInt64? = nil
    ) throws {
        var scan = LogScan(wantedSizes: size.map { $0 > tree.size ? [$0] : [] } ?? [])
        let verifier = try BatchVerifier(tree: tree)
        try bytes.withUnsafeBytes { buffer in
            try LogScanner.scanSegment(
                buffer, name: name, path: path, isLast: isLast, verifier: verifier, into: &scan, { _ in })
        }
        damage = scan.damage
        let scanned = scan.segments.last
        isRecompressed = scanned.map { !$0.hasPlainBatches } ?? false
        rootAtHeld = size == tree.size ? tree.root : size.flatMap { scan.roots[$0] }
        entry = scanned.flatMap { scanned in
            guard let last = scanned.batchOffsets.last else { return nil }
            return BackupRecord.Segment(
                name: name, firstSequence: tree.size, bytes: scanned.acceptedBytes, lastBatchOffset: last.offset,
                tree: verifier.tree)
        }
    }

    /// Whether the segment's batches end where the file does.
    func isCut(at length: Int) -> Bool { entry?.bytes == length }
}
