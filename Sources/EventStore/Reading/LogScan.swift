public import Merkle

/// What a ``LogScanner`` found.
public struct LogScan: Sendable {
    /// The end of the live segment.
    public enum Tail: Sendable, Equatable {
        /// Sealed or stopped cleanly, or the state between two commits.
        case clean
        /// The last write was never acknowledged and does not count.
        case torn(file: String, offset: Int, bytes: Int, why: String)
    }

    /// Bytes that are not what was written.
    public struct Damage: Sendable, Equatable, CustomStringConvertible {
        public let file: String
        public let offset: Int
        /// The events concerned; the upper end is only known where the batch's header still speaks.
        public let firstSequence: UInt64
        public let lastSequence: UInt64?
        public let what: String
        /// How many bytes are concerned; nil where a scan ended before it knew.
        public var bytes: Int?
        /// Whether a segment is missing or repeated, rather than bytes damaged.
        var isBetweenSegments = false

        public var description: String {
            let last = lastSequence.map { " to \($0)" } ?? " onwards"
            return "\(file), byte \(offset), events \(firstSequence)\(last): \(what)"
        }
    }

    /// The tree over all good events before the first damage.
    public internal(set) var tree = CompactRange()
    public private(set) var batches = 0
    /// Bytes of events before compression.
    public private(set) var textBytes = 0
    /// Bytes of batches as stored.
    public private(set) var storedBytes = 0
    public private(set) var tail = Tail.clean
    /// The first bad place, or nil.
    public private(set) var damage: Damage?
    /// Whether the log was being written to while it was read, so that it has grown since.
    public internal(set) var isGrowing = false
    /// Roots at the tree sizes that were asked for, as far as the log reaches.
    public private(set) var roots: [UInt64: Hash] = [:]

    var segments: [ScannedSegment] = []
    var segmentTail = SegmentTail.ended
    var visitorFailure: (any Error)?
    /// Sizes whose roots are still to be found, the nearest last.
    private var wantedSizes: [UInt64]

    init(wantedSizes: Set<UInt64>) {
        self.wantedSizes = wantedSizes.sorted(by: >)
        if self.wantedSizes.last == 0 { noteRoot(TreeHasher.emptyRoot, at: 0) }
    }

    /// The next tree size whose root was asked for.
    var nextWantedSize: UInt64? { wantedSizes.last }

    /// Keeps the root at the size that ``nextWantedSize`` names.
    mutating func noteRoot(_ root: Hash, at size: UInt64) {
        roots[size] = root
        wantedSizes.removeLast()
    }

    /// Number of segment files examined.
    public var segmentCount: Int { segments.count }

    mutating func count(_ header: BatchHeader) {
        batches += 1
        textBytes += Int(header.textBytes)
        storedBytes += header.batchBytes
    }

    /// Roots inside a batch: recompressed batches swallow the boundaries at which checkpoints were signed.
    mutating func captureRoots(from before: CompactRange, growth: TreeGrowth) {
        guard let next = nextWantedSize, next <= before.size + UInt64(growth.commitments.count) else { return }
        var tree = before
        for commitment in growth.commitments {
            tree.append(TreeHasher.leaf(commitment))
            if tree.size == nextWantedSize { noteRoot(tree.root, at: tree.size) }
        }
    }

    mutating func noteGap(before found: UInt64, at size: UInt64, path: String) {
        let what =
            found > size
            ? "the segment that should begin with event \(size) is missing"
            : "this segment begins with event \(found), which an earlier one already holds"
        damage = Damage(
            file: path, offset: 0, firstSequence: size, lastSequence: found > size ? found - 1 : nil, what: what,
            bytes: 0, isBetweenSegments: true)
    }

    mutating func judgeTail(
        of bytes: UnsafeRawBufferPointer, segment: ScannedSegment, path: String, isLast: Bool, defect: BatchDefect?,
        size: UInt64
    ) {
        let offset = segment.acceptedBytes
        segmentTail = SegmentTail.classify(bytes, from: offset, defect: defect)
        switch segmentTail {
        case .ended: return
        case .filler, .lostFiller: if isLast { return }
        case .torn(let end, let why):
            if isLast {
                tail = .torn(file: path, offset: offset, bytes: end - offset, why: why)
                return
            }
        case .damage: break
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let header = try? BatchHeader(rest)
        let what =
            segmentTail == .damage
            ? defect.map(String.init(describing:)) ?? "unexpected bytes"
            : "a sealed segment has something after its last batch"
        damage = Damage(
            file: path, offset: offset, firstSequence: size,
            lastSequence: header.map { $0.firstSequence == size ? $0.treeSize - 1 : size }, what: what)
    }
}
