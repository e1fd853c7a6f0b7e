package import Merkle
import Synchronization

/// The hashes of the whole tree: full tiles on disk, the growing right edge in memory.
///
/// Tiles are derived from the log: written without syncs, rebuilt when absent, never trusted without a root.
package final class TileTree: NodeSource, Sendable {
    package typealias Failure = EventLogError

    private struct State {
        var size: UInt64 = 0
        /// Per level, the hashes of the tile that is not full yet.
        var edges: [[Hash]] = []
        var entryEdge: [Hash] = []
        /// Full tiles that are not on disk yet, by path below the log directory.
        var unwritten: [String: [Hash]] = [:]
        /// Directories known to exist.
        var directories: Set<String> = []
    }

    private let directory: String
    private let fileSystem: any FileSystem
    private let state: Mutex<State>

    package init(directory: String, fileSystem: any FileSystem = POSIXFileSystem()) {
        self.directory = directory
        self.fileSystem = fileSystem
        state = Mutex(State())
    }

    /// A tree as its files have it, to be read only.
    init(directory: String, edge: TileEdge, fileSystem: any FileSystem) {
        self.directory = directory
        self.fileSystem = fileSystem
        state = Mutex(State(size: edge.size, edges: edge.levels))
    }

    /// Takes over what the tree gained; called in order, after the events are durable.
    func absorb(_ growth: TreeGrowth) {
        state.withLock { state in
            for commitment in growth.commitments {
                state.entryEdge.append(commitment)
                state.size += 1
                if state.entryEdge.count == TilePath.width {
                    let path = TilePath.entryBundle(index: state.size / UInt64(TilePath.width) - 1)
                    state.unwritten[path] = state.entryEdge
                    state.entryEdge.removeAll(keepingCapacity: true)
                }
            }
            for node in growth.nodes { Self.push(node, to: &state) }
        }
    }

    private static func push(_ node: TreeGrowth.Node, to state: inout State) {
        while state.edges.count <= node.level { state.edges.append([]) }
        state.edges[node.level].append(node.hash)
        guard state.edges[node.level].count == TilePath.width else { return }
        let path = TilePath.hashTile(level: node.level, index: node.index / UInt64(TilePath.width))
        state.unwritten[path] = state.edges[node.level]
        state.edges[node.level].removeAll(keepingCapacity: true)
    }

    /// The root of a complete subtree; one tile is read at most.
    package func node(height: Int, index: UInt64) throws(EventLogError) -> Hash {
        try Self.node(height: height, index: index) { (level, tile) throws(EventLogError) in
            try hashes(level: level, tile: tile)
        }
    }

    /// Same, from whatever knows the hashes of a tile as far as it is filled.
    static func node(
        height: Int, index: UInt64, hashes: (_ level: Int, _ tile: UInt64) throws(EventLogError) -> [Hash]
    ) throws(EventLogError) -> Hash {
        let level = height / TilePath.height
        let rise = height % TilePath.height
        let first = index << UInt64(rise)
        let tile = try hashes(level, first / UInt64(TilePath.width))
        let start = Int(first % UInt64(TilePath.width))
        guard start + (1 << rise) <= tile.count else {
            throw EventLogError(.outOfRange, "the tree has no complete subtree \(index) at height \(height) yet")
        }
        var nodes = Array(tile[start..<(start + (1 << rise))])
        while nodes.count > 1 {
            nodes = stride(from: 0, to: nodes.count, by: 2).map { TreeHasher.node(nodes[$0], nodes[$0 + 1]) }
        }
        return nodes[0]
    }

    /// The content of a tile, as C2SP `tlog-tiles` serves it; nil when the tree has no such tile yet. Blocking; at most
    /// one file is read.
    ///
    /// - Parameter size: of the tree that the tile is asked of, which may be older than this one.
    func bytes(of name: TileName, size: UInt64) throws(EventLogError) -> [UInt8]? {
        let level = if case .hashes(let level) = name.kind { level } else { 0 }
        let shift = TilePath.height * level
        guard shift < UInt64.bitWidth else { return nil }
        let (first, overflow) = name.index.multipliedReportingOverflow(by: UInt64(TilePath.width))
        let filled = size >> UInt64(shift)
        guard !overflow, first < filled, filled - first >= UInt64(name.width) else { return nil }
        let (hashes, isEntryBundle) =
            switch name.kind {
            case .hashes: (try hashes(level: level, tile: name.index), false)
            case .entries: (try commitments(bundle: name.index), true)
            }
        guard hashes.count >= name.width else { return nil }
        return Self.encode(hashes.prefix(name.width), isEntryBundle: isEntryBundle)
    }

    /// The hashes of a tile as far as it is filled.
    func hashes(level: Int, tile: UInt64) throws(EventLogError) -> [Hash] {
        let path = TilePath.hashTile(level: level, index: tile)
        let inMemory: [Hash]? = state.withLock { state in
            if let full = state.unwritten[path] { return full }
            let filled = state.size >> UInt64(TilePath.height * level)
            return tile == filled / UInt64(TilePath.width) && level < state.edges.count ? state.edges[level] : nil
        }
        if let inMemory { return inMemory }
        return try read(path, isEntryBundle: false)
    }

    /// The commitments of an entry bundle as far as it is filled.
    private func commitments(bundle: UInt64) throws(EventLogError) -> [Hash] {
        let path = TilePath.entryBundle(index: bundle)
        let inMemory: [Hash]? = state.withLock { state in
            if let full = state.unwritten[path] { return full }
            return bundle == state.size / UInt64(TilePath.width) ? state.entryEdge : nil
        }
        if let inMemory { return inMemory }
        return try read(path, isEntryBundle: true)
    }

    private func read(_ path: String, isEntryBundle: Bool) throws(EventLogError) -> [Hash] {
        let path = directory + "/" + path
        do throws(FileError) {
            let bytes = try fileSystem.open(path, .read).contents()
            guard let hashes = Self.decode(bytes, isEntryBundle: isEntryBundle) else {
                throw FileError(.read, path: path, errno: 0)
            }
            return hashes
        } catch {
            throw EventLogError(
                .damaged, "\(error). Tiles are derived: stop the server, remove the directory tile/ and start again.",
                file: error.path, cause: error)
        }
    }

    /// The two bytes before each entry of a bundle: its length, big-endian.
    private static let entryPrefix: [UInt8] = [0, UInt8(Hash.byteCount)]

    static func decode(_ bytes: [UInt8], isEntryBundle: Bool) -> [Hash]? {
        let skip = isEntryBundle ? entryPrefix.count : 0
        let step = Hash.byteCount + skip
        guard bytes.count == TilePath.width * step else { return nil }
        return stride(from: 0, to: bytes.count, by: step).compactMap {
            Hash(bytes: bytes[($0 + skip)..<($0 + step)])
        }
    }

    static func encode(_ hashes: ArraySlice<Hash>, isEntryBundle: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hashes.count * (Hash.byteCount + entryPrefix.count))
        for hash in hashes {
            if isEntryBundle { bytes.append(contentsOf: entryPrefix) }
            hash.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Writes the full tiles that are not on disk yet, and those on disk that differ. Blocking.
    package func writeFullTiles() throws(FileError) {
        let pending = state.withLock { $0.unwritten }
        for (path, hashes) in pending {
            let bytes = Self.encode(hashes[...], isEntryBundle: path.hasPrefix("tile/entries/"))
            try write(bytes, to: directory + "/" + path)
            state.withLock { _ = $0.unwritten.removeValue(forKey: path) }
        }
    }

    private func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        if try fileSystem.exists(path), try fileSystem.open(path, .read).contents() == bytes { return }
        let parent = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if state.withLock({ !$0.directories.contains(parent) }) {
            try fileSystem.createDirectory(parent)
            state.withLock { _ = $0.directories.insert(parent) }
        }
        let temporary = path + ".tmp"
        try fileSystem.open(temporary, .replace).writeFully(bytes, at: 0)
        try fileSystem.rename(temporary, to: path)
    }
}
