import Foundation
import Merkle
import Testing

@testable import EventStore
@testable import FaultCampaign

@Suite("Sealed segments are recompressed: the same events, the same roots, in less space")
struct RecompressionTests {
    /// A closed log of 401 events in many segments that nobody has recompressed.
    private func plainLog(_ directory: TemporaryDirectory, keeper: MemoryHeadKeeper = MemoryHeadKeeper()) async throws {
        let log = try openLog(directory.path, keeper: keeper)
        for number in 0..<400 { _ = try await log.append([draft(number, padding: 40)]) }
        try await log.close()
    }

    private struct Content: Equatable {
        var lines: [[UInt8]] = []
        var roots: [UInt64: Hash] = [:]
        var flags: [Bool] = []
        var storedBytes = 0
    }

    private func content(_ directory: TemporaryDirectory, sizes: Set<UInt64>) throws -> Content {
        var content = Content()
        let scan = try LogScanner(directory: directory.path).scan(rootsAt: sizes) { batch in
            var lines = LineIterator(text: batch.text)
            while let line = lines.next() { content.lines.append(Array(line)) }
            content.flags.append(batch.header.isRecompressed)
        }
        #expect(scan.damage == nil && scan.tail == .clean)
        content.roots = scan.roots
        content.storedBytes = scan.storedBytes
        return content
    }

    private func recompressing() -> EventLogConfiguration {
        var configuration = smallConfiguration()
        configuration.recompressesSealedSegments = true
        configuration.recompressionBytesPerSecondMax = 1 << 30
        return configuration
    }

    /// Waits for the background thread; the time limit only catches what hangs.
    private func waitUntil(_ condition: () -> Bool) async throws {
        for _ in 0..<6_000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(condition())
    }

    @Test("every line and every root stays; batches are merged and flagged; the live segment is left alone")
    func sameContent() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        try await plainLog(directory, keeper: keeper)
        let sizes = Set(UInt64(1)...401)
        let before = try content(directory, sizes: sizes)
        let segments = try LogScanner(directory: directory.path).segments().count
        let log = try openLog(directory.path, keeper: keeper, configuration: recompressing())
        try await waitUntil { log.recompression.segments == segments - 1 }
        #expect(log.recompression.failure == nil)
        #expect(log.recompression.storedBytes < log.recompression.storedBytesBefore)
        try await log.close()
        let after = try content(directory, sizes: sizes)
        #expect(after.lines == before.lines)
        #expect(after.roots == before.roots && after.roots.count == 401)
        #expect(after.storedBytes < before.storedBytes)
        #expect(after.flags.prefix(segments - 1).allSatisfy { $0 })
        #expect(!(after.flags.last ?? true))
        #expect(try run("cat \(directory.path)/*.jsonl.lz4 | lz4 -dc | sha256sum").status == 0)
        // Nothing is done twice, and a log that starts with recompressed segments goes on.
        let again = try openLog(directory.path, keeper: keeper, configuration: recompressing())
        _ = try await again.append([draft(400)])
        #expect(again.recompression.segments == 0)
        try await again.close()
    }

    @Test("readers and subscriptions of an open log see every event once while its segments are exchanged")
    func liveReaders() async throws {
        let directory = try TemporaryDirectory()
        var configuration = recompressing()
        configuration.feedEventsMax = 4
        let log = try openLog(directory.path, configuration: configuration)
        let readers = (0..<4).map { _ in
            Task {
                var seen: [UInt64] = []
                for try await events in log.subscribe(from: 0) {
                    seen += events.map(\.sequence)
                    if seen.last == 600 { break }
                }
                return seen
            }
        }
        for number in 0..<600 {
            _ = try await log.append([draft(number, padding: 40)])
            if number % 7 == 0 {
                let position = UInt64.random(in: 0...UInt64(number))
                #expect(try await log.read(from: position, count: 3).first?.sequence == position)
            }
        }
        for reader in readers { #expect(try await reader.value == Array(0...600)) }
        try await waitUntil { log.recompression.segments > 5 }
        for position in stride(from: UInt64(0), through: 600, by: 13) {
            #expect(try await log.read(from: position, count: 20).first?.sequence == position)
        }
        #expect(log.failure == nil)
        try await log.close()
    }

    @Test("an audit that runs while segments are rolled and exchanged finds no damage")
    func liveScan() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path, configuration: recompressing())
        let writer = Task {
            for number in 0..<600 { _ = try await log.append([draft(number, padding: 40)]) }
        }
        var sizes: [UInt64] = []
        while sizes.last ?? 0 < 601 {
            let durable = log.head.size
            let scan = try LogScanner(directory: directory.path).scanInParallel(map: { _ in }, visit: { _, _ in })
            #expect(scan.damage == nil)
            #expect(scan.tree.size >= durable)
            sizes.append(scan.tree.size)
            if sizes.last == 601 { break }
        }
        try await writer.value
        try await log.close()
    }

    @Test("a segment that is not what was written is left alone, and the log says where")
    func damagedSegment() async throws {
        let disk = SimulatedDisk()
        let signer = try TestSigner()
        let opened = try LogLives.opener(disk).open(signer: signer, keeper: MemoryHeadKeeper()) { _ in }
        var writer = opened.writer
        for number in 0..<40 {
            let commit = try writer.commit([EncodedEvent(draft(number, padding: 300))], at: Timestamp(microseconds: 1))
            opened.index.add(
                segmentFirstSequence: commit.segmentFirstSequence,
                batch: .init(firstSequence: commit.header.firstSequence, offset: commit.offset),
                treeBefore: commit.treeBefore)
        }
        let segment = try #require(opened.index.nextToRecompress())
        let path = "log/" + segment.name
        disk.flip(path, byte: 700, bit: 3)
        let before = try disk.open(path, .read).contents()
        let recompressor = SegmentRecompressor(directory: "log", fileSystem: disk)
        #expect { try opened.index.recompress(segment, with: recompressor, pace: { _ in true }) } throws: {
            ($0 as? EventLogError)?.code == .damaged && ($0 as? EventLogError)?.file == path
        }
        #expect(try disk.open(path, .read).contents() == before)
    }
}
