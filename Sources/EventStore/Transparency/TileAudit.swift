import Glibc
public import Merkle

/// Holds the tile files beside a log against the tree of its events, as they are read.
///
/// Tiles are derived and may be absent; one that is there and differs would be shown to strangers. Owned by one thread.
/// Memory: one tile a level.
public struct TileAudit {
    /// A tile file that is not what the events make of it.
    public struct Difference: Sendable, Equatable, CustomStringConvertible {
        public let file: String
        /// First byte that differs.
        public let offset: Int
        /// First event that the tile is about.
        public let firstSequence: UInt64

        public var description: String {
            "\(file), byte \(offset): this tile is not what the log's events make of it. Tiles are derived: stop the"
                + " server, remove the directory tile/ and start again."
        }
    }

    public private(set) var differences: [Difference] = []
    private let directory: String
    private let fileSystem: any FileSystem
    private let hasTiles: Bool
    private var size: UInt64 = 0
    private var commitments: [Hash] = []
    private var edges: [[Hash]] = [[]]

    /// The leaf hashes of the last events that fill no tile yet, by their place.
    public var lastLeaves: [UInt64: Hash] {
        let first = size - UInt64(edges[0].count)
        return Dictionary(uniqueKeysWithValues: edges[0].enumerated().map { (first + UInt64($0.offset), $0.element) })
    }

    /// - Throws: `io` when the directory cannot be looked at.
    public init(directory: String, fileSystem: any FileSystem = POSIXFileSystem()) throws(EventLogError) {
        self.directory = directory
        self.fileSystem = fileSystem
        do throws(FileError) { hasTiles = try fileSystem.exists(directory + "/tile") } catch {
            throw EventLogError(error)
        }
    }

    /// Takes the next verified batch over, and compares every tile that it fills.
    ///
    /// - Throws: `io` when a tile cannot be read.
    public mutating func take(_ batch: VerifiedBatch) throws(EventLogError) {
        guard hasTiles else { return }
        for (commitment, leaf) in zip(batch.commitments, batch.leaves) {
            commitments.append(commitment)
            edges[0].append(leaf)
            size += 1
            guard commitments.count == TilePath.width else { continue }
            let index = size / UInt64(TilePath.width) - 1
            try compare(TileName(.hashes(level: 0), index: index), with: edges[0])
            try compare(TileName(.entries, index: index), with: commitments)
            edges[0].removeAll(keepingCapacity: true)
            commitments.removeAll(keepingCapacity: true)
        }
        for node in batch.nodes {
            while edges.count <= node.level { edges.append([]) }
            edges[node.level].append(node.hash)
            guard edges[node.level].count == TilePath.width else { continue }
            let index = node.index / UInt64(TilePath.width)
            try compare(TileName(.hashes(level: node.level), index: index), with: edges[node.level])
            edges[node.level].removeAll(keepingCapacity: true)
        }
    }

    private mutating func compare(_ name: TileName, with hashes: [Hash]) throws(EventLogError) {
        let path = directory + "/" + name.path
        do throws(FileError) {
            guard try fileSystem.exists(path) else { return }
            let found = try fileSystem.open(path, .read).contents()
            let expected = TileTree.encode(hashes[...], isEntryBundle: name.kind == .entries)
            guard !Self.areEqual(found, expected) else { return }
            let offset = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            let level = if case .hashes(let level) = name.kind { level } else { 0 }
            differences.append(
                Difference(
                    file: path, offset: offset ?? min(found.count, expected.count),
                    firstSequence: name.index << UInt64(TilePath.height * (level + 1))))
        } catch { throw EventLogError(error) }
    }

    /// Every byte of every tile is compared: by `memcmp`, which takes a twentieth of what comparing arrays does.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count
            && left.withUnsafeBytes { left in
                right.withUnsafeBytes { right in
                    guard let mine = left.baseAddress, let other = right.baseAddress else { return true }
                    return memcmp(mine, other, right.count) == 0
                }
            }
    }
}
