public import Merkle

/// Whether events that no root can be recomputed for, because something before them is damaged, are those that were signed
/// for: by the leaf hashes in the tiles, once all of these together lead to the signed root.
///
/// The tiles by themselves prove nothing; a tile that was altered leads to another root, and then none of them counts.
///
/// ```swift
/// var evidence = TileEvidence(directory: "data/log", head: checkpoint.head, lastLeaves: tileAudit.lastLeaves)
/// _ = try scanner.survey(after: damage) { evidence.take($0) }
/// let finding = evidence.judge(goodSize: scan.tree.size)
/// ```
///
/// Owned by one thread. Memory: one tile; cost: the batches' hashes, and one pass over the tiles of level 0.
public struct TileEvidence {
    /// What the tiles say.
    public struct Finding: Sendable {
        /// Whether the tiles lead to the signed root. Where they do not, nothing else here holds.
        public let leadsToSignedRoot: Bool
        /// The root of the events before the first damage, as the tiles have it.
        public let rootBeforeDamage: Hash?
        /// Events behind the damage that are those that were signed for.
        public let authenticEvents: UInt64
        /// Events behind the damage that are not.
        public let otherEvents: [UInt64]
    }

    private let directory: String
    private let fileSystem: any FileSystem
    private let head: TreeHead
    /// The tile that was looked at last; its leaves are nil where there is no such file, or no tile in it.
    private var tile: (index: UInt64, leaves: [Hash]?)?
    private var matching: UInt64 = 0
    private var others: [UInt64] = []
    /// Leaf hashes of the signed events that fill no tile, by their place: fewer than a tile holds.
    private var loose: [UInt64: Hash] = [:]

    /// - Parameters:
    ///   - head: what was signed; the signature must have been verified.
    ///   - lastLeaves: leaf hashes of the events before the damage that fill no tile yet, by their place.
    public init(
        directory: String, head: TreeHead, lastLeaves: [UInt64: Hash], fileSystem: any FileSystem = POSIXFileSystem()
    ) {
        (self.directory, self.fileSystem, self.head) = (directory, fileSystem, head)
        loose = lastLeaves.filter { isLoose($0.key) }
    }

    private func isLoose(_ sequence: UInt64) -> Bool {
        sequence < head.size && sequence / UInt64(TilePath.width) == head.size / UInt64(TilePath.width)
    }

    /// Looks at a batch whose checksums hold.
    public mutating func take(_ batch: borrowing ScannedBatch) {
        var lines = LineIterator(text: batch.text)
        var sequence = batch.header.firstSequence
        while sequence < head.size, let line = lines.next() {
            let leaf = TreeHasher.leaf(Hash(of: line))
            if isLoose(sequence) {
                loose[sequence] = leaf
            } else if let expected = tiledLeaf(sequence) {
                if expected == leaf { matching += 1 } else { others.append(sequence) }
            }
            sequence += 1
        }
    }

    /// Judges what was looked at.
    ///
    /// - Parameter goodSize: how many events stand before the first damage.
    public mutating func judge(goodSize: UInt64) -> Finding {
        var range = CompactRange()
        var rootBefore = goodSize == 0 ? TreeHasher.emptyRoot : nil
        while range.size < head.size {
            guard let leaf = isLoose(range.size) ? loose[range.size] : tiledLeaf(range.size) else { break }
            range.append(leaf)
            if range.size == goodSize { rootBefore = range.root }
        }
        let isRight = range.size == head.size && range.root == head.root
        let looseBehind = UInt64(loose.keys.count { $0 >= goodSize })
        return Finding(
            leadsToSignedRoot: isRight, rootBeforeDamage: rootBefore,
            authenticEvents: isRight ? matching + looseBehind : 0, otherEvents: isRight ? others : [])
    }

    /// The leaf hash of an event as a full tile has it; nil where there is no such tile.
    private mutating func tiledLeaf(_ sequence: UInt64) -> Hash? {
        let index = sequence / UInt64(TilePath.width)
        if tile?.index != index { tile = (index, leaves(ofTile: index)) }
        return tile?.leaves?[Int(sequence % UInt64(TilePath.width))]
    }

    /// A tile that is absent or unreadable is none: the root decides what that means.
    private func leaves(ofTile index: UInt64) -> [Hash]? {
        let path = directory + "/" + TileName(.hashes(level: 0), index: index).path
        do throws(FileError) {
            let bytes = try fileSystem.open(path, .read).contents()
            return TileTree.decode(bytes, isEntryBundle: false).flatMap { $0.count == TilePath.width ? $0 : nil }
        } catch { return nil }
    }
}
