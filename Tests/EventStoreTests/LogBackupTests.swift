import Foundation
import Merkle
import Synchronization
import Testing

@testable import EventStore
@testable import FaultCampaign

@Suite("A backup of a log")
struct LogBackupTests {
    private func lines(of directory: String) throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        let scan = try LogScanner(directory: directory).scan { batch in
            var iterator = LineIterator(text: batch.text)
            while let line = iterator.next() { lines.append(Array(line)) }
        }
        #expect(scan.damage == nil && scan.tail == .clean)
        return lines
    }

    private func append(_ numbers: Range<Int>, to log: EventLog) async throws {
        for number in numbers { _ = try await log.append([draft(number, padding: 40)]) }
    }

    @Test("is made while the log is written to, holds what was durable before, and grows by what is new")
    func incremental() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let log = try openLog(source.path)
        try await append(0..<100, to: log)
        let backup = LogBackup(source: source.path, destination: target.path + "/deep/log")
        let writer = Task { try await append(100..<300, to: log) }
        let durable = log.head.size
        let first = try backup.run()
        #expect(first.head.size >= durable && first.copied == first.segments && first.unchanged == 0)
        try await writer.value
        _ = try await log.signCheckpoint()
        let second = try backup.run()
        #expect(second.head == log.head)
        #expect(second.newEvents == log.head.size - first.head.size)
        #expect(second.unchanged >= first.segments - 1)
        #expect(second.checkpointSize == log.head.size)
        let third = try backup.run()
        #expect(third.copiedBytes == 0 && third.newEvents == 0 && third.unchanged == third.segments)
        try await log.close()
        #expect(try backup.run().head == log.head)
        #expect(try lines(of: backup.destination) == lines(of: source.path))
        #expect(
            try Fixtures.bytesOfFile(backup.destination + "/checkpoint")
                == Fixtures.bytesOfFile(source.path + "/checkpoint"))
    }

    @Test("restore drill: a server's log opens on a copy of the backup, goes on, and says the same")
    func restore() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let keeper = MemoryHeadKeeper()
        let log = try openLog(source.path, keeper: keeper)
        let writer = Task { try await append(0..<200, to: log) }
        let backup = LogBackup(source: source.path, destination: target.path + "/log")
        for _ in 0..<5 { _ = try backup.run() }
        try await writer.value
        _ = try await log.signCheckpoint()
        let report = try backup.run()
        try await log.close()
        let restored = try openLog(backup.destination, keeper: keeper)
        #expect(restored.head == log.head && restored.head == report.head)
        #expect(restored.recovery.cutFile == nil)
        _ = try await restored.append([draft(999)])
        let proof = try await restored.inclusionProof(of: 7)
        let event = try #require(try await restored.read(from: 7, count: 1).first)
        try proof.verify(line: event.event.line(at: 7), key: restored.verifierKey)
        try await restored.close()
        #expect(try lines(of: backup.destination).dropLast() == lines(of: source.path)[...])
        // From here on the copy is a log of its own: the old source may not overwrite it.
        #expect { try backup.run() } throws: { ($0 as? EventLogError)?.code == .rolledBack }
    }

    @Test("takes the recompressed form of a segment over and knows that it says the same")
    func recompressed() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let keeper = MemoryHeadKeeper()
        let log = try openLog(source.path, keeper: keeper)
        try await append(0..<300, to: log)
        let backup = LogBackup(source: source.path, destination: target.path + "/log")
        let before = try backup.run()
        try await log.close()
        var configuration = smallConfiguration()
        configuration.recompressesSealedSegments = true
        let again = try openLog(source.path, keeper: keeper, configuration: configuration)
        for _ in 0..<6_000 where again.recompression.segments < before.segments - 1 {
            try await Task.sleep(for: .milliseconds(10))
        }
        let after = try backup.run()
        #expect(after.recompressed == before.segments - 1)
        #expect(after.head == before.head && after.newEvents == 0)
        try await again.close()
        #expect(try lines(of: backup.destination) == lines(of: source.path))
        var full = backup
        full.verifiesWholeCopy = true
        #expect(try full.run().damagedCopies.isEmpty)
    }

    @Test("refuses a damaged source with its place and keeps what it had")
    func damagedSource() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let log = try openLog(source.path)
        try await append(0..<150, to: log)
        try await log.close()
        let names = try LogScanner(directory: source.path).segments().map(\.name)
        let path = source.path + "/" + names[1]
        var bytes = try Fixtures.bytesOfFile(path)
        bytes[300] ^= 1
        try Data(bytes).write(to: URL(filePath: path))
        let backup = LogBackup(source: source.path, destination: target.path)
        #expect { try backup.run() } throws: { error in
            let error = error as? EventLogError
            return error?.code == .damaged && error?.file == path && error?.offset != nil && error?.sequences != nil
        }
        #expect(try LogScanner(directory: target.path).segments().map(\.name) == [names[0]])
        bytes[300] ^= 1
        try Data(bytes).write(to: URL(filePath: path))
        let report = try backup.run()
        #expect(report.unchanged == 1 && report.copied == names.count - 1)
    }

    @Test("notices a damaged copy when asked to read all of it, and makes it anew")
    func damagedCopy() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let log = try openLog(source.path)
        try await append(0..<150, to: log)
        try await log.close()
        var backup = LogBackup(source: source.path, destination: target.path)
        _ = try backup.run()
        let name = try LogScanner(directory: target.path).segments()[2].name
        var bytes = try Fixtures.bytesOfFile(target.path + "/" + name)
        bytes[400] ^= 4
        try Data(bytes).write(to: URL(filePath: target.path + "/" + name))
        backup.verifiesWholeCopy = true
        let report = try backup.run()
        #expect(report.damagedCopies == [target.path + "/" + name])
        #expect(try lines(of: target.path) == lines(of: source.path))
    }

    @Test("refuses another log's source, one that was rolled back, and a destination in use")
    func foreignSources() async throws {
        let (source, other, target) = (
            try TemporaryDirectory(), try TemporaryDirectory(), try TemporaryDirectory()
        )
        let log = try openLog(source.path)
        try await append(0..<60, to: log)
        let backup = LogBackup(source: source.path, destination: target.path)
        _ = try backup.run()
        let stranger = try openLog(other.path, origin: "other.example/log")
        try await append(0..<80, to: stranger)
        #expect { try LogBackup(source: other.path, destination: target.path).run() } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
        let last = try #require(try LogScanner(directory: source.path).segments().last)
        let copy = target.path + "-elsewhere"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try FileManager.default.copyItem(atPath: source.path, toPath: copy)
        try FileManager.default.removeItem(atPath: copy + "/" + last.name)
        #expect { try LogBackup(source: copy, destination: target.path).run() } throws: {
            ($0 as? EventLogError)?.code == .rolledBack
        }
        #expect { try LogBackup(source: other.path, destination: source.path).run() } throws: {
            ($0 as? EventLogError)?.code == .locked
        }
        #expect(try lines(of: target.path) == Array(lines(of: source.path).prefix(Int(log.head.size))))
        try await log.close()
        try await stranger.close()
    }

    @Test("interrupted at every file operation it leaves a log that opens, and the next run goes on")
    func interrupted() throws {
        var lives = 0
        while true {
            let disk = SimulatedDisk()
            var life = LogLife()
            try life.run(on: disk, batches: 20, seed: 11)
            let backup = LogBackup(source: "log", destination: "copy", fileSystem: disk)
            disk.state.withLock {
                $0.plan.byNumber[$0.operations + lives] = lives.isMultiple(of: 2) ? .crash : .error(5)
            }
            let fired = disk.fired.count
            let result = Result { () throws(EventLogError) in try backup.run() }
            if disk.fired.count == fired { break }
            lives += 1
            guard case .failure(let error) = result else { continue }
            #expect(error.code == .io)
            let survivor = disk.afterPowerCut(seed: UInt64(lives))
            let scan = try LogScanner(directory: "copy", fileSystem: survivor).scan { _ in }
            #expect(scan.damage == nil && scan.tail == .clean, "operation \(lives)")
            let next = try LogBackup(source: "log", destination: "copy", fileSystem: survivor).run()
            #expect(next.head.size == UInt64(life.acknowledged.count) + 1, "operation \(lives)")
        }
        #expect(lives > 50)
    }
}
