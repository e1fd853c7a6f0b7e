import Merkle

/// Builds the bytes of batches, one after another, and grows the tree with them.
///
/// Owned by the writer. After an error the tree is ahead of the disk, so the writer must not go on.
struct BatchEncoder {
    /// The tree over everything encoded so far.
    private(set) var tree: CompactRange
    private var text: [UInt8] = []

    init(tree: CompactRange) { self.tree = tree }

    /// The batch of `events` committed at `time`.
    ///
    /// - Parameter grown: filled with what the tree gained, for the tiles.
    /// - Returns: header and exact bytes of the whole batch.
    mutating func encode(_ events: [EncodedEvent], at time: Timestamp, grown: inout TreeGrowth) throws(BatchDefect)
        -> (header: BatchHeader, bytes: [UInt8])
    {
        let first = tree.size
        text.removeAll(keepingCapacity: true)
        for event in events {
            let start = text.count
            event.write(at: tree.size, to: &text)
            let commitment = text.withUnsafeBytes { Hash(of: UnsafeRawBufferPointer(rebasing: $0[start...])) }
            tree.append(commitment: commitment, grown: &grown)
            text.append(UInt8(ascii: "\n"))
        }
        var frame: [UInt8] = []
        var failure: BatchDefect?
        let frameBytes = text.withUnsafeBytes { buffer in
            do throws(BatchDefect) { return try LZ4Frame.compress(buffer, appendingTo: &frame) } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        let header = BatchHeader(
            firstSequence: first, eventCount: UInt32(events.count), textBytes: UInt32(text.count),
            frameBytes: UInt32(frameBytes), isRecompressed: false, committedAt: time, treeSize: tree.size,
            root: tree.root)
        var bytes = header.encoded()
        bytes.reserveCapacity(header.batchBytes + Filler.headerBytes)
        bytes.append(contentsOf: repeatElement(0, count: header.paddingBytes))
        bytes.append(contentsOf: frame)
        return (header, bytes)
    }
}

/// What a tree gained: the commitments of its new leaves, and every new complete subtree whose height is a multiple of
/// 8, which is a hash in some tile.
struct TreeGrowth: Sendable {
    struct Node: Sendable {
        /// Tile level: height / 8.
        let level: Int
        let index: UInt64
        let hash: Hash
    }

    var commitments: [Hash] = []
    var nodes: [Node] = []
}

extension CompactRange {
    /// Adds the leaf of an event with this commitment.
    mutating func append(commitment: Hash, grown: inout TreeGrowth) {
        grown.commitments.append(commitment)
        append(TreeHasher.leaf(commitment)) { height, index, hash in
            if height % TilePath.height == 0 {
                grown.nodes.append(.init(level: height / TilePath.height, index: index, hash: hash))
            }
        }
    }
}
