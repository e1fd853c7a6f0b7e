import CanonicalJSON
import EventStore
import Foundation
import Testing

@testable import Replay

/// After the first damage the audit goes on: every damaged range is named, and nothing that is whole.
@Suite("Auditing a damaged log")
struct DamagedLogTests {
    private func audit(_ log: TestLog, bytesOnly: Bool = false) throws -> AuditReport {
        var resources = ScanResources()
        resources.settleMilliseconds = 0
        return try LogAuditor(verifierKey: log.verifierKey, bytesOnly: bytesOnly, resources: resources).audit(log.path)
    }

    /// Where each batch of a segment begins, and its events.
    private func batches(_ log: TestLog) throws -> [(file: String, offset: Int, header: BatchHeader)] {
        var found: [(String, Int, BatchHeader)] = []
        _ = try LogScanner(directory: log.path).scan { found.append(($0.file, $0.offset, $0.header)) }
        return found
    }

    private func flip(_ file: String, _ offset: Int) throws {
        var bytes = Array(try Data(contentsOf: URL(filePath: file)))
        bytes[offset] ^= 4
        try Data(bytes).write(to: URL(filePath: file))
    }

    @Test("three batches damaged in different ways are named with file, offset, length and events, and no other")
    func everyRange() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        let all = try batches(log)
        try #require(all.count > 8)
        // A header, a body, and a header in the last segment.
        let chosen = [all[2], all[5], all[all.count - 2]]
        try flip(chosen[0].file, chosen[0].offset + 20)
        try flip(chosen[1].file, chosen[1].offset + chosen[1].header.storedBytes - 1 - 40)
        try flip(chosen[2].file, chosen[2].offset + 3)
        for bytesOnly in [false, true] {
            let report = try audit(log, bytesOnly: bytesOnly)
            #expect(report[.integrity].result == .failed)
            let damages = report.findings.filter { $0.code == "damaged" }
            #expect(damages.count == 3, "\(damages.map(\.message))")
            for (finding, batch) in zip(damages, chosen) {
                #expect(finding.file == batch.file)
                #expect(finding.offset == batch.offset)
                #expect(finding.sequence == batch.header.sequences.lowerBound)
                #expect(finding.lastSequence == batch.header.sequences.upperBound)
                #expect(finding.bytes == batch.header.storedBytes)
            }
            #expect(report[.integrity].explanation.contains("and 2 more damaged ranges"))
            #expect(report.status == .failed)
            #expect(report[.completeness].result == .failed)
        }
    }

    @Test("what is whole behind the damage is counted")
    func rest() async throws {
        let log = try await TestLog.make()
        let all = try batches(log)
        try flip(all[1].file, all[1].offset + 60)
        let scan = try LogScanner(directory: log.path).scan { _ in }
        let survey = try LogScanner(directory: log.path).survey(after: try #require(scan.damage)) { _ in }
        #expect(survey.batches == all.count - 2)
        #expect(survey.events == all[2...].reduce(0) { $0 + UInt64($1.header.eventCount) })
        #expect(survey.ranges.count == 1)
    }

    @Test("a segment that is missing, and one that is there twice, are named; the others are examined")
    func segments() async throws {
        let log = try await TestLog.make(segmentBytes: 4096)
        let names = try log.segments()
        try #require(names.count > 2)
        let removed = try log.directory.bytes(names[1])
        try FileManager.default.removeItem(atPath: log.directory.file(names[1]))
        let missing = try audit(log)
        let finding = try #require(missing.findings.first { $0.code == "damaged" })
        #expect(finding.file?.hasSuffix(names[2]) == true)
        #expect(finding.message.contains("missing"))
        #expect(missing.findings.count { $0.code == "damaged" } == 1)
        #expect(missing.notes.contains { $0.contains("are whole in themselves") })
        try log.directory.write(removed, to: names[1])
        #expect(try audit(log).status == .verified)
    }

    @Test("a proof behind a damage is still checked as a document")
    func proofBehindDamage() async throws {
        let log = try await TestLog.make { story in
            story.alterDocument = { document in
                var object = document.object ?? JSONObject()
                object["session_id"] = .string("sess_00000000000000000000000000000000")
                return .object(object)
            }
        }
        let all = try batches(log)
        try flip(all[1].file, all[1].offset + 60)
        let report = try audit(log)
        #expect(report.findings.contains { $0.code == "proof_invalid" })
        #expect(report.findings.contains { $0.code == "damaged" })
    }

    @Test("every byte of a tile and of an entry bundle counts; its file and offset are named, and absent ones do not")
    func tiles() async throws {
        let directory = try TemporaryDirectory()
        let log = try TestLog.open(directory.path)
        var story = try await Story(log: log)
        while log.head.size < 260 { _ = try await story.liveSession() }
        let key = log.verifierKey
        try await log.close()
        let auditor = LogAuditor(verifierKey: key)
        #expect(try auditor.audit(directory.path).status == .verified)
        for (name, step) in [("tile/0/000", 311), ("tile/entries/000", 397)] {
            let whole = try directory.bytes(name)
            for offset in stride(from: 0, to: whole.count, by: step) {
                var flipped = whole
                flipped[offset] ^= 1
                try directory.write(flipped, to: name)
                let report = try auditor.audit(directory.path)
                #expect(report[.integrity].result == .failed, "\(name), byte \(offset)")
                let finding = try #require(report.findings.first { $0.code == "tile" })
                #expect(finding.file?.hasSuffix(name) == true && finding.offset == offset)
            }
            try directory.write(Array(whole.dropLast()), to: name)
            #expect(try auditor.audit(directory.path).status == .failed)
            try FileManager.default.removeItem(atPath: directory.file(name))
            #expect(try auditor.audit(directory.path).status == .verified)
            try directory.write(whole, to: name)
        }
    }

    /// A log with full tiles, a damaged batch among the first, and the events in it.
    private func damagedLogWithTiles() async throws -> (log: TestLog, damaged: ClosedRange<UInt64>) {
        let directory = try TemporaryDirectory()
        let log = try TestLog.open(directory.path, segmentBytes: 1 << 15)
        var story = try await Story(log: log)
        let proof = try await story.destroy(try await story.liveSession())
        while log.head.size < 600 { _ = try await story.liveSession() }
        let kept = try await log.signCheckpoint()
        try await log.close()
        let made = TestLog(
            directory: directory, verifierKey: log.verifierKey, proofs: [proof], sessions: [], kept: kept)
        let batch = try batches(made)[20]
        try flip(batch.file, batch.offset + 60)
        return (made, batch.header.sequences)
    }

    @Test("with tiles and a signed checkpoint, every whole event behind the damage is shown to be the one signed for")
    func authenticBehindDamage() async throws {
        let (log, damaged) = try await damagedLogWithTiles()
        for bytesOnly in [false, true] {
            let report = try audit(log, bytesOnly: bytesOnly)
            let behind = try #require(report.behindDamage)
            #expect(behind.events == log.kept.head.size - damaged.upperBound - 1)
            #expect(behind.authentic == behind.events)
            #expect(report.findings.count { $0.code == "leaf" } == 0)
            #expect(report.notes.contains { $0.contains("lead to the checkpoint's root") }, "\(report.notes)")
            #expect(report.status == .failed)
            #expect(report.document["behind_damage"]?["authentic"] == .integer(Int64(behind.events)))
        }
    }

    @Test(
        "an event behind the damage that was edited with every checksum made right is named; tiles alone prove nothing")
    func editedBehindDamage() async throws {
        let (log, damaged) = try await damagedLogWithTiles()
        // Somebody with all the tools rewrites a later batch: checksums, counts, everything but the tiles.
        let victim = try #require(
            try behind(log).first { $0.header.firstSequence > damaged.upperBound + 40 && $0.header.eventCount == 1 })
        let sequence = victim.header.firstSequence
        try Forgery.replaceBatch(at: victim.offset, in: victim.file) { lines in
            lines.map {
                Array(String(decoding: $0, as: UTF8.self).replacing("\"id\":\"evt_0", with: "\"id\":\"evt_1").utf8)
            }
        }
        let report = try audit(log)
        let leaf = report.findings.filter { $0.code == "leaf" }
        #expect(leaf.map(\.sequence) == [sequence], "\(report.output.text)")
        #expect(report.behindDamage?.authentic == report.behindDamage.map { $0.events - 1 })
        // The tile made to agree with the edited event leads to no signed root: then nothing is authentic.
        let tile = "tile/0/\(sequence < 256 ? "000" : "001")"
        var bytes = try log.directory.bytes(tile)
        bytes[Int(sequence % 256) * 32] ^= 1
        try log.directory.write(bytes, to: tile)
        let fooled = try audit(log)
        #expect(fooled.behindDamage?.authentic == 0)
        #expect(fooled.notes.contains { $0.contains("do not lead to the signed root") }, "\(fooled.notes)")
    }

    @Test("without tiles, or without a checkpoint that reaches so far, the audit says that it cannot tell")
    func noEvidence() async throws {
        let (log, _) = try await damagedLogWithTiles()
        let without = try log.copy()
        try FileManager.default.removeItem(atPath: without.directory.file("tile"))
        let report = try audit(without)
        #expect(report.behindDamage?.authentic == 0)
        #expect(report.notes.contains { $0.contains("do not lead to the signed root") }, "\(report.notes)")
        try FileManager.default.removeItem(atPath: log.directory.file("checkpoint"))
        let unsigned = try audit(log)
        #expect(unsigned.behindDamage?.authentic == 0)
        #expect(unsigned.notes.contains { $0.contains("no signed checkpoint reaches them") }, "\(unsigned.notes)")
    }

    /// The batches behind the first damage.
    private func behind(_ log: TestLog) throws -> [(file: String, offset: Int, header: BatchHeader)] {
        let scanner = LogScanner(directory: log.path)
        let damage = try #require(try scanner.scan { _ in }.damage)
        var found: [(String, Int, BatchHeader)] = []
        _ = try scanner.survey(after: damage) { found.append(($0.file, $0.offset, $0.header)) }
        return found
    }
}
