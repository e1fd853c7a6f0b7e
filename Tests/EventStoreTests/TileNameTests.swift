import CanonicalJSON
import Foundation
import Merkle
import Synchronization
import Testing

@testable import EventStore

@Suite("Names and contents of tiles")
struct TileNameTests {
    @Test(
        "a tile's name is read back as it is written",
        arguments: [
            "tile/0/000", "tile/1/999.p/7", "tile/2/x001/x234/067", "tile/63/x018/x446/x744/x073/x709/x551/615",
            "tile/entries/000", "tile/entries/x001/000.p/255",
        ])
    func accepted(path: String) throws {
        #expect(try #require(TileName(path: path)).path == path)
    }

    @Test(
        "what could mean a tile but is written otherwise names none",
        arguments: [
            "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/+1/000",
            "tile/64/000", "tile/-1/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/000.p",
            "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/+7",
            "tile/0/000.p/7/", "tile//0/000", "/tile/0/000", "tile/0/000/", "tile/0/../0/000", "tile/0/%30%30%30",
            "tile/entries", "tile/entries/1", "tile/entries/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/\u{0660}00",
        ])
    func refused(path: String) { #expect(TileName(path: path) == nil) }

    @Test("tiles and bundles at every older size are prefixes of one another, and none is given beyond the size")
    func contents() throws {
        let directory = try TemporaryDirectory()
        let tree = TileTree(directory: directory.path)
        var range = CompactRange()
        let commitments = (0..<700).map { Hash(of: [UInt8($0 & 255), UInt8($0 >> 8)]) }
        try tree.append(Array(commitments[..<600]), to: &range)
        try tree.append(Array(commitments[600...]), to: &range)
        let leaves = commitments.map { TreeHasher.leaf($0) }
        #expect(
            try tree.bytes(of: TileName(.hashes(level: 0), index: 1), size: 700) == leaves[256..<512].flatMap(\.bytes))
        #expect(
            try tree.bytes(of: TileName(.hashes(level: 0), index: 2, width: 188), size: 700)
                == leaves[512..<700].flatMap(\.bytes))
        #expect(
            try tree.bytes(of: TileName(.hashes(level: 0), index: 1, width: 10), size: 266)
                == leaves[256..<266].flatMap(\.bytes))
        #expect(
            try tree.bytes(of: TileName(.entries, index: 2, width: 3), size: 515)
                == commitments[512..<515].flatMap { [0, 32] + $0.bytes })
        #expect(try tree.bytes(of: TileName(.hashes(level: 1), index: 0, width: 2), size: 700)?.count == 64)
        for beyond in [
            TileName(.hashes(level: 0), index: 2), TileName(.hashes(level: 0), index: 2, width: 189),
            TileName(.hashes(level: 1), index: 0, width: 3), TileName(.hashes(level: 2), index: 0, width: 1),
            TileName(.hashes(level: 63), index: 0, width: 1), TileName(.entries, index: 3, width: 1),
            TileName(.hashes(level: 0), index: .max, width: 1),
        ] {
            #expect(try tree.bytes(of: beyond, size: 700) == nil, "\(beyond.path)")
        }
        #expect(try tree.bytes(of: TileName(.hashes(level: 0), index: 1), size: 511) == nil)
    }

    @Test("a proof from a tree of a million reads two tiles a level at most, and nothing but tiles")
    func proofReadsTiles() throws {
        let directory = try TemporaryDirectory()
        let disk = CountingFileSystem()
        let tree = TileTree(directory: directory.path, fileSystem: disk)
        var range = CompactRange()
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<64 {
            let commitments = (0..<4096).map { _ in
                Hash(of: withUnsafeBytes(of: generator.next()) { Array($0) })
            }
            try tree.append(commitments, to: &range)
        }
        let size = range.size
        for index in [0, 255, 256, size / 2 - 1, size / 2, size - 300, size - 1] {
            disk.opened.withLock { $0 = [] }
            let source = ProofTiles(of: tree)
            let path = try MerkleProof.inclusion(of: index, size: size, from: source)
            let leaf = try source.node(height: 0, index: index)
            #expect(MerkleProof.verifyInclusion(of: leaf, at: index, size: size, root: range.root, path: path))
            let opened = disk.opened.withLock { $0 }
            #expect(opened.count <= 6, "event \(index) took \(opened)")
            #expect(opened.allSatisfy { $0.contains("/tile/") && !$0.contains("entries") })
        }
    }
}

@Suite("Rotation of the log's key")
struct LogKeyRotationTests {
    private let old: TestSigner
    private let new: TestSigner

    init() throws { (old, new) = (try TestSigner(), try TestSigner(seed: Array(1..<33))) }

    private func open(_ directory: String, _ signer: TestSigner, _ keeper: MemoryHeadKeeper) throws -> EventLog {
        try EventLog.open(
            directory: directory, signer: signer, keeper: keeper, configuration: smallConfiguration(),
            clock: { Timestamp(microseconds: 1_772_373_600_000_000) },
            newEventID: { "evt_" + String(repeating: "f", count: 32) })
    }

    private func rotate(_ log: EventLog) async throws -> LogKeyRotation {
        try await log.rotateKey(
            to: new, eventID: "evt_" + String(repeating: "e", count: 32),
            at: Timestamp(microseconds: 1_772_373_600_000_000))
    }

    @Test("after it the new key signs, the old one opens the log no more, and proofs lead from one to the other")
    func handsOver() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let log = try open(directory.path, old, keeper)
        _ = try await log.append([draft(1), draft(2)])
        let before = try await log.signCheckpoint()
        let rotation = try await rotate(log)
        #expect(rotation.lastSize == 3)
        _ = try await log.append([draft(3)])
        let after = try await log.signCheckpoint()
        try before.verify(with: old.verifierKey)
        try after.verify(with: new.verifierKey)
        let keys = log.keys
        try keys.verify(before)
        try keys.verify(after)
        #expect(keys.current == new.verifierKey)
        let proof = try await log.inclusionProof(of: 1)
        try proof.verify(line: draft(1).line(at: 1), keys: keys)
        try await log.close()
        #expect { try open(directory.path, old, keeper) } throws: { ($0 as? EventLogError)?.code == .foreign }
        let reopened = try open(directory.path, new, keeper)
        #expect(reopened.keys == keys)
        _ = try await reopened.append([draft(4)])
        try await reopened.close()
        #expect(try LogKeyHistory.read(from: directory.path) == keys)
    }

    @Test("the old key is refused beyond its last size, the new one before, each by name")
    func lastSize() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path, old, MemoryHeadKeeper())
        _ = try await log.append([draft(1)])
        let rotation = try await rotate(log)
        let (keys, head) = (log.keys, log.head)
        try await log.close()
        let origin = old.verifierKey.name
        let beyond = try Checkpoint(origin: origin, head: head, signer: old)
        #expect(throws: NoteError.retired(key: old.verifierKey.description, lastSize: rotation.lastSize)) {
            try keys.verify(beyond)
        }
        let early = try Checkpoint(
            origin: origin, head: TreeHead(size: rotation.lastSize, root: head.root), signer: new)
        #expect(throws: NoteError.unsigned(by: origin)) { try keys.verify(early) }
        try keys.verify(try Checkpoint(origin: origin, head: early.head, signer: old))
    }

    @Test("a rotation that the old key did not endorse, that goes back or begins elsewhere, is refused")
    func refused() throws {
        let stranger = try TestSigner(seed: Array(33..<65))
        var keys = LogKeyHistory(first: old.verifierKey)
        let forged = try LogKeyRotation(from: stranger, to: new, lastSize: 5)
        #expect(throws: NoteError.self) { try keys.apply(forged) }
        let honest = try LogKeyRotation(from: old, to: new, lastSize: 5)
        for name in honest.data.names {
            var data = honest.data
            switch data[name] {
            case .integer(let size)?: data[name] = .integer(size + 1)
            case .string?:
                let other = try LogKeyRotation(from: old, to: stranger, lastSize: 6).data[name]
                let third = try LogKeyRotation(from: stranger, to: old, lastSize: 6).data[name]
                data[name] = other == data[name] ? third : other
            default: Issue.record("\(name) is of no kind")
            }
            guard let changed = LogKeyRotation(data: data) else { continue }
            #expect(throws: NoteError.self, "\(name)") { try keys.apply(changed) }
        }
        try keys.apply(honest)
        #expect(throws: NoteError.self) { try keys.apply(honest) }
        let back = try LogKeyRotation(from: new, to: old, lastSize: 9)
        #expect(throws: NoteError.self) { try keys.apply(back) }
        let earlier = try LogKeyRotation(from: new, to: stranger, lastSize: 5)
        #expect(throws: NoteError.self) { try keys.apply(earlier) }
    }
}

@Suite("Never two histories")
struct RolledBackLogTests {
    @Test("files rolled back by one batch, or emptied: opening refuses and says how many events were signed")
    func rolledBack() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        _ = try await log.append([draft(0), draft(1)])
        _ = try await log.append([draft(2)])
        try await log.close()
        let segment = directory.path + "/" + SegmentName.of(firstSequence: 0)
        let bytes = try Fixtures.bytesOfFile(segment)
        let last = try #require(try LogScanner(directory: directory.path).scan { _ in }.segments[0].batchOffsets.last)
        try Data(bytes[..<last.offset]).write(to: URL(filePath: segment))
        // With the checkpoint gone too, only the keeper remembers.
        for removesCheckpoint in [false, true] {
            if removesCheckpoint { try FileManager.default.removeItem(atPath: directory.path + "/checkpoint") }
            #expect {
                try openLog(directory.path, keeper: keeper)
            } throws: { error in
                guard let error = error as? EventLogError else { return false }
                return error.code == .rolledBack && error.sequences == 3...3
                    && error.message
                        == "the log holds 3 events, but 4 were signed. Files were rolled back or lost: restore the newest"
                        + " copy. An older log can only go on under a new origin and key."
            }
        }
        try FileManager.default.removeItem(atPath: segment)
        #expect { try openLog(directory.path, keeper: keeper) } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
        try Data(bytes).write(to: URL(filePath: segment))
        try await openLog(directory.path, keeper: keeper).close()
    }

    @Test("a log that goes on differently after what was signed is refused, though it is longer")
    func anotherHistory() async throws {
        let (directory, other) = (try TemporaryDirectory(), try TemporaryDirectory())
        let keeper = MemoryHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        _ = try await log.append([draft(0)])
        try await log.close()
        let second = try openLog(other.path)
        _ = try await second.append([draft(1), draft(2)])
        try await second.close()
        #expect { try openLog(other.path, keeper: keeper) } throws: { ($0 as? EventLogError)?.code == .rolledBack }
    }
}
