import Merkle

/// The hash tiles of a tree that are not full yet: what no tile file holds. Kept beside the checkpoint, so that proofs can be
/// made from files alone, without reading the log.
///
/// Derived like the tiles, written without syncs, and never trusted without a root. 8 bytes of the tree's size, little-endian,
/// then the hashes of the unfinished tile of level 0, of level 1, and so on; how many each has follows from the size.
struct TileEdge: Equatable {
    /// Beside the log's checkpoint.
    static let fileName = "checkpoint.edge"
    private static let sizeBytes = 8

    let size: UInt64
    /// Per level, fewer than a tile holds.
    let levels: [[Hash]]

    /// How many hashes the unfinished tile of each level has.
    private static func widths(of size: UInt64) -> [Int] {
        var widths: [Int] = []
        var filled = size
        while filled > 0 {
            widths.append(Int(filled % UInt64(TilePath.width)))
            filled >>= UInt64(TilePath.height)
        }
        return widths
    }

    /// - Parameter tree: holds at least `size` leaves.
    init(of tree: TileTree, size: UInt64) throws(EventLogError) {
        self.size = size
        levels = try Self.widths(of: size).enumerated().map { (level, width) throws(EventLogError) in
            guard width > 0 else { return [] }
            let tile = (size >> UInt64(TilePath.height * level)) / UInt64(TilePath.width)
            let hashes = try tree.hashes(level: level, tile: tile)
            guard hashes.count >= width else {
                throw EventLogError(.outOfRange, "the tree holds fewer than \(size) leaves")
            }
            return Array(hashes.prefix(width))
        }
    }

    /// Reads a file; nil when it is none.
    init?(bytes: [UInt8]) {
        guard bytes.count >= Self.sizeBytes else { return nil }
        let size: UInt64 = bytes.withUnsafeBytes { $0.load(at: 0) }
        let widths = Self.widths(of: size)
        guard bytes.count == Self.sizeBytes + widths.reduce(0, +) * Hash.byteCount else { return nil }
        var offset = Self.sizeBytes
        self.size = size
        levels = widths.map { width in
            (0..<width).compactMap { _ in
                defer { offset += Hash.byteCount }
                return Hash(bytes: bytes[offset..<(offset + Hash.byteCount)])
            }
        }
    }

    /// The file's content.
    var bytes: [UInt8] {
        let number = (0..<Self.sizeBytes).map { UInt8(truncatingIfNeeded: size >> UInt64(8 * $0)) }
        return levels.reduce(into: number) { $0 += TileTree.encode($1[...], isEntryBundle: false) }
    }
}

extension TileTree {
    /// The tree of the checkpoint beside a log, from the tile files and the edge beside it; nil where there is no edge of a
    /// tree of `size` leaves. Blocking; reads one file of at most 17 KiB for ten million events.
    package static func stored(
        in directory: String, size: UInt64, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws(EventLogError) -> TileTree? {
        let path = directory + "/" + TileEdge.fileName
        do throws(FileError) {
            guard try fileSystem.exists(path) else { return nil }
            let bytes = try fileSystem.open(path, .read).contents()
            guard let edge = TileEdge(bytes: bytes), edge.size == size else { return nil }
            return TileTree(directory: directory, edge: edge, fileSystem: fileSystem)
        } catch { throw EventLogError(error) }
    }
}
