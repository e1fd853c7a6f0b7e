import Foundation
import Merkle
import Testing

@testable import EventStore

@Suite("The event log on a real disk")
struct EventLogTests {
    @Test("a new log begins with log.created, which names its origin and key")
    func firstEvent() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let first = try #require(try await log.read(from: 0).first)
        #expect(first.event.type == "log.created")
        #expect(LogCreated.verifierKey(in: first) == log.verifierKey)
        try await log.close()
    }

    @Test("appends from 64 callers get places without gap or repeat and are all there after reopening")
    func concurrentAppends() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        let places = try await withThrowingTaskGroup(of: [(UInt64, Int)].self) { group in
            for writer in 0..<64 {
                group.addTask {
                    var places: [(UInt64, Int)] = []
                    for index in 0..<20 {
                        let number = writer * 20 + index
                        places.append((try await log.append([draft(number)]).firstSequence, number))
                    }
                    return places
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(places.map(\.0).sorted() == Array(1...1280))
        let head = log.head
        try await log.close()
        let reopened = try openLog(directory.path, keeper: keeper)
        #expect(reopened.head == head)
        let byPlace = Dictionary(uniqueKeysWithValues: places)
        var position: UInt64 = 1
        while position < head.size {
            for envelope in try await reopened.read(from: position) {
                #expect(envelope.sequence == position)
                #expect(envelope.event == draft(try #require(byPlace[position])))
                position += 1
            }
        }
        try await reopened.close()
    }

    @Test("an append that expects another position changes nothing")
    func expectedPosition() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        _ = try await log.append([draft(0)], expecting: 1)
        await #expect { try await log.append([draft(1)], expecting: 1) } throws: {
            ($0 as? EventLogError)?.code == .unexpectedPosition
        }
        #expect(log.head.size == 2)
        _ = try await log.append([draft(2), draft(3)], expecting: 2)
        #expect(log.head.size == 4)
        try await log.close()
    }

    @Test("an event over its limit is refused and nothing is written")
    func tooLarge() async throws {
        let directory = try TemporaryDirectory()
        var configuration = smallConfiguration()
        configuration.eventBytesMax = 1000
        let log = try openLog(directory.path, configuration: configuration)
        await #expect { try await log.append([draft(0, padding: 1000)]) } throws: {
            ($0 as? EventLogError)?.code == .tooLarge
        }
        #expect(log.head.size == 1)
        try await log.close()
    }

    @Test("segments roll; stock lz4 prints every event in order, while the log is open and after it was closed")
    func stockTools() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        for number in 0..<100 { _ = try await log.append([draft(number, padding: 100)]) }
        let segments = try LogScanner(directory: directory.path).segments()
        #expect(segments.count > 3)
        let print = "cat \(directory.path)/*.jsonl.lz4 | lz4 -dc | wc -l"
        #expect(try run(print).output.trimmingCharacters(in: .whitespacesAndNewlines) == "101")
        try await log.close()
        #expect(try run(print).output.trimmingCharacters(in: .whitespacesAndNewlines) == "101")
        let scan = try LogScanner(directory: directory.path).scan { _ in }
        #expect(scan.tail == .clean && scan.damage == nil && scan.tree.size == 101)
    }

    @Test("a batch larger than a segment gets a segment of its own")
    func oversizedBatch() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        let big = (0..<40).map { draft($0, padding: 700) }
        _ = try await log.append(big)
        _ = try await log.append([draft(1)])
        try await log.close()
        let reopened = try openLog(directory.path, keeper: keeper)
        #expect(reopened.head.size == 42)
        try await reopened.close()
    }

    @Test("a second process may not open the log")
    func lock() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        #expect { try openLog(directory.path) } throws: { ($0 as? EventLogError)?.code == .locked }
        try await log.close()
        try await openLog(directory.path).close()
    }

    @Test("a log opened with another origin or key is refused")
    func foreign() async throws {
        let directory = try TemporaryDirectory()
        try await openLog(directory.path).close()
        #expect { try openLog(directory.path, origin: "other.example/log") } throws: {
            ($0 as? EventLogError)?.code == .foreign
        }
    }

    @Test("a closed log refuses appends and ends subscriptions")
    func closed() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let subscription = log.subscribe(from: 0)
        try await log.close()
        await #expect { try await log.append([draft(0)]) } throws: { ($0 as? EventLogError)?.code == .closed }
        #expect(try await subscription.next()?.count == 1)
        #expect(try await subscription.next() == nil)
    }
}

@Suite("Subscriptions")
struct LogSubscriptionTests {
    @Test("start with history and go on live, without gap or repeat, however far behind they are")
    func historyThenLive() async throws {
        let directory = try TemporaryDirectory()
        var configuration = smallConfiguration()
        configuration.feedEventsMax = 8
        let log = try openLog(directory.path, configuration: configuration)
        for number in 0..<50 { _ = try await log.append([draft(number)]) }
        let subscription = log.subscribe(from: 3)
        async let seen: [UInt64] = {
            var seen: [UInt64] = []
            while seen.last != 150, let events = try await subscription.next() { seen += events.map(\.sequence) }
            return seen
        }()
        async let seenByThread: [UInt64] = withCheckedContinuation { continuation in
            let subscription = log.subscribe(from: 0)
            DedicatedThread.start(name: "test") {
                var seen: [UInt64] = []
                while seen.last != 150, let events = try? subscription.nextBlocking() { seen += events.map(\.sequence) }
                continuation.resume(returning: seen)
            }
        }
        for number in 50..<150 { _ = try await log.append([draft(number)]) }
        #expect(try await seen == Array(3...150))
        #expect(await seenByThread == Array(0...150))
        try await log.close()
    }

    @Test("a cancelled reader stops waiting")
    func cancellation() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let subscription = log.subscribe(from: log.head.size)
        let reader = Task { try await subscription.next() }
        reader.cancel()
        #expect(try await reader.value == nil)
        try await log.close()
    }
}

@Suite("Checkpoints and inclusion proofs of an open log")
struct TransparencyTests {
    @Test("every event of a log of 700 has an inclusion proof that verifies under the signed checkpoint")
    func everyEvent() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        for start in stride(from: 0, to: 700, by: 50) { _ = try await log.append((start..<(start + 50)).map { draft($0) }) }
        for sequence in UInt64(0)..<701 {
            let proof = try await log.inclusionProof(of: sequence)
            let event = try #require(try await log.read(from: sequence, count: 1).first)
            try InclusionProof(text: proof.text).verify(line: event.event.line(at: sequence), key: log.verifierKey)
        }
        await #expect { try await log.inclusionProof(of: 701) } throws: {
            ($0 as? EventLogError)?.code == .outOfRange
        }
        try await log.close()
        let tile = try Fixtures.bytesOfFile(directory.path + "/tile/0/000")
        #expect(tile.count == 256 * 32)
        #expect(try Fixtures.bytesOfFile(directory.path + "/tile/entries/001").count == 256 * 34)
    }

    @Test("a clean stop leaves a checkpoint over the whole log")
    func checkpointAtStop() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        _ = try await log.append([draft(0)])
        let head = log.head
        try await log.close()
        let checkpoint = try Checkpoint(text: String(contentsOfFile: directory.path + "/checkpoint", encoding: .utf8))
        try checkpoint.verify(with: log.verifierKey)
        #expect(checkpoint.head == head)
        #expect(keeper.highestSignedHead() == head)
    }

    @Test("checkpoints asked for by many at once are recorded in the order of their sizes")
    func concurrentCheckpoints() async throws {
        let directory = try TemporaryDirectory()
        let keeper = StrictHeadKeeper()
        let log = try openLog(directory.path, keeper: keeper)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    _ = try await log.append([draft(number)])
                    _ = try await log.signCheckpoint()
                }
            }
            try await group.waitForAll()
        }
        #expect(log.failure == nil)
        try await log.close()
    }

    @Test("tile paths follow C2SP tlog-tiles")
    func tilePaths() {
        #expect(TilePath.hashTile(level: 0, index: 0) == "tile/0/000")
        #expect(TilePath.hashTile(level: 2, index: 1_234_067) == "tile/2/x001/x234/067")
        #expect(TilePath.hashTile(level: 1, index: 999, partialWidth: 7) == "tile/1/999.p/7")
        #expect(TilePath.entryBundle(index: 1000) == "tile/entries/x001/000")
    }
}
