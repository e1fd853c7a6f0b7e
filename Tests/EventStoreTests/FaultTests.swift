import CanonicalJSON
import Glibc
import Merkle
import Synchronization
import Testing

@testable import EventStore
@testable import FaultCampaign

/// One life of a log on a simulated disk: opens it, commits batches until something fails, remembers what was
/// acknowledged. Without threads, so that a seed always means the same history.
struct LogLife {
    /// Numbers of the drafts whose commit was acknowledged, in order.
    private(set) var acknowledged: [Int]
    /// The drafts of the commit that failed; it may or may not have reached the disk.
    private(set) var inDoubt: [Int] = []
    let keeper: MemoryHeadKeeper
    private(set) var openFailure: EventLogError?

    init(acknowledged: [Int] = [], keeper: MemoryHeadKeeper = MemoryHeadKeeper()) {
        self.acknowledged = acknowledged
        self.keeper = keeper
    }

    /// What the log holds after opening it: the numbers of its drafts, in order.
    static func contents(of disk: SimulatedDisk, keeper: MemoryHeadKeeper) throws -> [Int] {
        var numbers: [Int] = []
        _ = try opener(disk).open(signer: TestSigner(), keeper: keeper) { events in
            numbers += events.compactMap { $0.event.data["n"]?.integer.map(Int.init) }
        }
        return numbers
    }

    /// Opens a log, with its first event when it is new.
    static func begin(_ disk: SimulatedDisk, keeper: MemoryHeadKeeper) throws(EventLogError) -> LogOpener.OpenedLog {
        let signer: TestSigner
        do { signer = try TestSigner() } catch { throw EventLogError(.signing, "\(error)") }
        return try LifeEvents.begun(
            try opener(disk).open(signer: signer, keeper: keeper) { _ in }, key: signer.verifierKey)
    }

    static func opener(_ disk: SimulatedDisk) -> LogOpener {
        LogOpener(
            directory: "log", fileSystem: disk, configuration: smallConfiguration(),
            now: Timestamp(microseconds: 1_772_373_600_000_000))
    }

    /// Commits `batches` batches of 1 to 5 events, signs a checkpoint after every third.
    mutating func run(on disk: SimulatedDisk, batches: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let signer = try TestSigner()
        var opened: LogOpener.OpenedLog
        do throws(EventLogError) {
            opened = try Self.begin(disk, keeper: keeper)
        } catch {
            openFailure = error
            return
        }
        let feed = CommitFeed(head: opened.head, eventsMax: 16)
        let checkpoints = CheckpointKeeper(
            directory: "log", fileSystem: disk, signer: signer, keeper: keeper, feed: feed, tiles: opened.tiles,
            intervalMilliseconds: 1000, latest: opened.checkpoint)
        var writer = opened.writer
        var next = (acknowledged.last ?? -1) + 1_000
        for batch in 0..<batches {
            let numbers = Array(next..<(next + Int.random(in: 1...5, using: &generator)))
            next += numbers.count
            let events = numbers.map { EncodedEvent(draft($0, padding: Int.random(in: 0...600, using: &generator))) }
            inDoubt = numbers
            do throws(EventLogError) {
                let commit = try writer.commit(events, at: Timestamp(microseconds: 1))
                acknowledged += numbers
                inDoubt = []
                opened.tiles.absorb(commit.growth)
                feed.publish([], head: TreeHead(size: commit.header.treeSize, root: commit.header.root))
                if batch % 3 == 2 { _ = try checkpoints.signNow() }
            } catch {
                return
            }
        }
        inDoubt = []
        try? writer.seal()
    }
}

@Suite("After any fault the log holds exactly what was acknowledged, plus at most one whole commit, or refuses")
struct FaultTests {
    static let batches = 12

    /// How many file operations a life without faults has.
    static func operationCount(seed: UInt64) throws -> Int {
        let disk = SimulatedDisk()
        var life = LogLife()
        try life.run(on: disk, batches: batches, seed: seed)
        #expect(life.acknowledged.count > batches)
        return disk.operations
    }

    /// Runs one life with `fault` at operation `operation`, then reopens what is left, and compares.
    static func check(_ fault: Fault, at operation: Int, seed: UInt64, powerCut: Bool) throws {
        let disk = SimulatedDisk(faults: [operation: fault])
        var life = LogLife()
        try life.run(on: disk, batches: batches, seed: seed)
        let survivor = powerCut ? disk.afterPowerCut(seed: seed &+ UInt64(operation)) : disk.afterProcessDeath()
        let found = try LogLife.contents(of: survivor, keeper: life.keeper)
        let context: Comment = "\(fault) at operation \(operation), seed \(seed), power cut \(powerCut)"
        #expect(found == life.acknowledged || found == life.acknowledged + life.inDoubt, context)
        // And the log goes on from there.
        var second = LogLife(acknowledged: found, keeper: life.keeper)
        try second.run(on: survivor, batches: 3, seed: seed)
        #expect(second.openFailure == nil, context)
        #expect(second.acknowledged.count > found.count, context)
        let again = survivor.afterPowerCut(seed: seed)
        #expect(try LogLife.contents(of: again, keeper: life.keeper) == second.acknowledged, context)
    }

    @Test("a crash at every operation, process death and power cut")
    func crashes() throws {
        for operation in 0..<(try Self.operationCount(seed: 1)) {
            for powerCut in [false, true] { try Self.check(.crash, at: operation, seed: 1, powerCut: powerCut) }
        }
    }

    @Test("a torn write at every operation, process death and power cut")
    func tornWrites() throws {
        for operation in 0..<(try Self.operationCount(seed: 2)) {
            for powerCut in [false, true] { try Self.check(.tornCrash, at: operation, seed: 2, powerCut: powerCut) }
        }
    }

    @Test("EIO and ENOSPC at every operation; after a failed sync the page cache lies")
    func errors() throws {
        for operation in 0..<(try Self.operationCount(seed: 3)) {
            for number in [EIO, ENOSPC] {
                for powerCut in [false, true] {
                    try Self.check(.error(number), at: operation, seed: 3, powerCut: powerCut)
                }
            }
        }
    }

    @Test("a short write is continued, not lost")
    func shortWrites() throws {
        for operation in 0..<(try Self.operationCount(seed: 4)) {
            let disk = SimulatedDisk(faults: [operation: .shortWrite])
            var life = LogLife()
            try life.run(on: disk, batches: Self.batches, seed: 4)
            #expect(life.inDoubt.isEmpty && life.openFailure == nil)
            #expect(try LogLife.contents(of: disk.afterPowerCut(seed: 4), keeper: life.keeper) == life.acknowledged)
        }
    }

    @Test("after a failed write nothing more is acknowledged until the log was reopened")
    func poisoned() throws {
        let disk = SimulatedDisk()
        let opened = try LogLife.begin(disk, keeper: MemoryHeadKeeper())
        var writer = opened.writer
        _ = try writer.commit([EncodedEvent(draft(0))], at: Timestamp(microseconds: 1))
        disk.state.withLock { $0.faults[$0.operations + 1] = .error(EIO) }
        #expect { try writer.commit([EncodedEvent(draft(1))], at: Timestamp(microseconds: 1)) } throws: {
            ($0 as? EventLogError)?.code == .io
        }
        #expect { try writer.commit([EncodedEvent(draft(2))], at: Timestamp(microseconds: 1)) } throws: {
            ($0 as? EventLogError)?.code == .poisoned
        }
        // The batch whose sync failed may have reached the disk all the same; nothing after it can have.
        let found = try LogLife.contents(of: disk.afterPowerCut(seed: 9), keeper: MemoryHeadKeeper())
        #expect(found == [0] || found == [0, 1])
    }

    @Test("a full disk refuses the append, keeps what was acknowledged, and opens again when there is room")
    func fullDisk() throws {
        let disk = SimulatedDisk()
        disk.state.withLock { $0.capacity = 3 * 4096 }
        var life = LogLife()
        try life.run(on: disk, batches: 60, seed: 5)
        #expect(!life.inDoubt.isEmpty, "the disk never filled up")
        let survivor = disk.afterProcessDeath()
        survivor.state.withLock { $0.capacity = Int.max }
        #expect(try LogLife.contents(of: survivor, keeper: life.keeper) == life.acknowledged)
    }
}

@Suite("Corruption is found and named, never repaired")
struct CorruptionTests {
    @Test("every byte of the segments flipped in turn: opening refuses with its place, or a torn tail loses nothing")
    func everyByte() throws {
        let disk = SimulatedDisk()
        var life = LogLife()
        try life.run(on: disk, batches: 6, seed: 7)
        let names = try disk.list("log").filter { $0.hasSuffix(SegmentName.suffix) }
        for name in names {
            let path = "log/" + name
            let length = try disk.open(path, .read).size()
            for byte in 0..<length {
                let copy = disk.afterProcessDeath()
                copy.flip(path, byte: byte, bit: UInt8(byte % 8))
                do {
                    let found = try LogLife.contents(of: copy, keeper: life.keeper)
                    Issue.record("byte \(byte) of \(name) went unnoticed; found \(found.count) events")
                } catch let error as EventLogError {
                    #expect(error.code == .damaged, "byte \(byte) of \(name): \(error)")
                    #expect(error.file == path && (error.offset ?? .max) <= byte && error.sequences != nil)
                }
            }
        }
    }

    @Test("files rolled back by one batch are refused: the vault remembers what was signed")
    func rolledBack() throws {
        let disk = SimulatedDisk()
        var life = LogLife()
        try life.run(on: disk, batches: 3, seed: 8)
        let before = disk.afterProcessDeath()
        try life.run(on: disk, batches: 3, seed: 9)
        #expect { try LogLife.contents(of: before, keeper: life.keeper) } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
        #expect { try LogLife.contents(of: SimulatedDisk(), keeper: life.keeper) } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
    }

    @Test("bytes of a torn write are kept beside the log and reported")
    func cutIsKept() throws {
        let disk = SimulatedDisk()
        let opened = try LogLife.begin(disk, keeper: MemoryHeadKeeper())
        var writer = opened.writer
        _ = try writer.commit([EncodedEvent(draft(0))], at: Timestamp(microseconds: 1))
        disk.state.withLock { $0.faults[$0.operations] = .tornCrash }
        #expect(throws: EventLogError.self) {
            try writer.commit([EncodedEvent(draft(1, padding: 2500))], at: Timestamp(microseconds: 1))
        }
        let survivor = disk.afterProcessDeath()
        let reopened = try LogLife.opener(survivor).open(signer: TestSigner(), keeper: MemoryHeadKeeper()) { _ in }
        #expect(reopened.head.size == 2)
        let cut = try #require(reopened.report.cutFile)
        #expect(try survivor.open(cut, .read).size() > 0)
        guard case .torn(_, _, let bytes, _) = reopened.report.tail else {
            Issue.record("the torn tail was not reported: \(reopened.report.tail)")
            return
        }
        #expect(bytes > 0)
    }
}
