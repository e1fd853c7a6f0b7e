package import Merkle

/// The tiles that one proof reads, each of them once: neighbouring nodes of an audit path lie in the same tile.
///
/// Owned by one call. Memory: the tiles read, 8 KiB each; for an inclusion proof two a level at most.
package final class ProofTiles: NodeSource {
    package typealias Failure = EventLogError

    private struct Place: Hashable {
        let level: Int
        let tile: UInt64
    }

    private let tree: TileTree
    private var tiles: [Place: [Hash]] = [:]

    package init(of tree: TileTree) { self.tree = tree }

    /// How many tiles were looked at so far.
    package var tileCount: Int { tiles.count }

    package func node(height: Int, index: UInt64) throws(EventLogError) -> Hash {
        try TileTree.node(height: height, index: index) { (level, tile) throws(EventLogError) in
            let place = Place(level: level, tile: tile)
            if let known = tiles[place] { return known }
            let hashes = try tree.hashes(level: level, tile: tile)
            tiles[place] = hashes
            return hashes
        }
    }
}

extension TileTree {
    /// Adds leaves by their commitments and writes the tiles that they fill: a tree without a log, for measurements.
    package func append(_ commitments: [Hash], to range: inout CompactRange) throws(FileError) {
        var growth = TreeGrowth()
        for commitment in commitments { range.append(commitment: commitment, grown: &growth) }
        absorb(growth)
        try writeFullTiles()
    }
}
