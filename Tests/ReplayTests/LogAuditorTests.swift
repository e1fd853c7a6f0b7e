import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Merkle
import Testing

@testable import Replay

@Suite("Auditing a log")
struct LogAuditorTests {
    private func audit(
        _ log: TestLog, key: Bool = true, kept: Checkpoint? = nil, bytesOnly: Bool = false
    ) throws -> AuditReport {
        try LogAuditor(verifierKey: key ? log.verifierKey : nil, keptCheckpoint: kept, bytesOnly: bytesOnly)
            .audit(log.path)
    }

    @Test("a log as the server wrote it passes every question, over several segments")
    func clean() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        let report = try audit(log, kept: log.kept)
        for question in AuditReport.Question.allCases where question != .witnesses {
            #expect(report[question].result == .passed, "\(question)")
        }
        #expect(report.status == .verified)
        #expect(report.findings.isEmpty)
        #expect(report.counts.segments > 1)
        #expect(report.counts.proofs == 2)
        #expect(report.counts.customers == 1)
        #expect(report.counts.liveSessions == 1)
        #expect(report.counts.endedSessions == 2)
    }

    @Test("one thread finds the same as many")
    func threads() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        let one = try LogAuditor(resources: ScanResources(threads: 1)).audit(log.path)
        let many = try LogAuditor(resources: ScanResources(threads: 7)).audit(log.path)
        #expect(one.output.json == many.output.json)
    }

    @Test("without a key from elsewhere authenticity is called self-asserted, and the exit code is 0")
    func selfAsserted() async throws {
        let log = try await TestLog.make()
        let report = try audit(log, key: false)
        #expect(report[.authenticity].result == .selfAsserted)
        #expect(report.status == .verified)
        #expect(report.output.text.contains("SELF-ASSERTED"))
    }

    @Test("another key than the one expected fails authenticity")
    func otherKey() async throws {
        let log = try await TestLog.make()
        let report = try LogAuditor(verifierKey: try TestSigner(seed: 8).verifierKey).audit(log.path)
        #expect(report[.authenticity].result == .failed)
        #expect(report[.integrity].result == .passed)
        #expect(report.status == .failed)
    }

    @Test("any flipped byte of a segment is found, and its batch is named")
    func flippedByte() async throws {
        var resources = ScanResources()
        resources.settleMilliseconds = 0
        let log = try await TestLog.make()
        let name = try #require(try log.segments().first)
        let bytes = try log.directory.bytes(name)
        for offset in stride(from: 0, to: bytes.count, by: 97) {
            var changed = bytes
            changed[offset] ^= 0x10
            try log.directory.write(changed, to: name)
            let report = try LogAuditor(verifierKey: log.verifierKey, resources: resources).audit(log.path)
            #expect(report[.integrity].result == .failed, "byte \(offset)")
            #expect(report.status == .failed)
            let finding = try #require(report.findings.first { $0.question == .integrity })
            let place = try #require(finding.offset)
            #expect(place <= offset && offset < place + 8192)
            #expect(finding.file?.hasSuffix(name) == true)
        }
    }

    @Test("an event edited with every checksum and root made right again passes integrity and fails what was signed")
    func consistentEdit() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { try Forgery.replace(#""stdout_bytes":5"#, by: #""stdout_bytes":6"#, in: &$0) }
        let report = try audit(log)
        #expect(report[.integrity].result == .passed)
        #expect(report[.meaning].result != .passed || report[.authenticity].result == .failed)
        #expect(report[.authenticity].result == .failed)
        #expect(report[.rollback].result == .failed)
        #expect(report.status == .failed)
    }

    @Test("a log without its last batch is seen to be incomplete and rolled back, with its bytes in order")
    func droppedBatch() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { $0.removeLast() }
        let report = try audit(log, key: false)
        #expect(report[.integrity].result == .passed)
        #expect(report[.completeness].result == .failed)
        #expect(report[.rollback].result == .failed)
        #expect(report.status == .failed)
    }

    @Test("a log that goes on differently after a checkpoint that was kept is refused, though its key signed it")
    func secondHistory() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { batches in
            batches.removeLast(batches.count - 2)
        }
        try Forgery.sign(log, with: try TestSigner())
        #expect(try audit(log).status == .verified)
        let report = try audit(log, kept: log.kept)
        #expect(report[.rollback].result == .failed)
        #expect(report[.completeness].result == .failed)
        #expect(report.status == .failed)
    }

    @Test("a kept checkpoint that somebody else signed is not accepted")
    func foreignKept() async throws {
        let log = try await TestLog.make()
        let forged = try Checkpoint(origin: log.kept.origin, head: log.kept.head, signer: try TestSigner(seed: 9))
        #expect(try audit(log, kept: forged)[.rollback].result == .failed)
    }

    @Test("no checkpoint beside the log is said; with a key asked for, the exit code is 3")
    func missingCheckpoint() async throws {
        let log = try await TestLog.make()
        try FileManager.default.removeItem(atPath: log.directory.file("checkpoint"))
        let lenient = try audit(log, key: false)
        #expect(lenient.status == .verified)
        #expect(lenient.notes.contains { $0.contains("no checkpoint") })
        #expect(try audit(log).status == .lowerLevel)
    }

    @Test("a checkpoint that is no note fails authenticity")
    func brokenCheckpoint() async throws {
        let log = try await TestLog.make()
        try log.directory.write(Array("nonsense".utf8), to: "checkpoint")
        #expect(try audit(log, key: false)[.authenticity].result == .failed)
    }

    @Test("a torn tail is a note and changes no verdict")
    func tornTail() async throws {
        let log = try await TestLog.make()
        let name = try #require(try log.segments().last)
        var bytes = try log.directory.bytes(name)
        let rest = 4096
        bytes += [0x5F, 0x2A, 0x4D, 0x18] + withUnsafeBytes(of: UInt32(rest - 8).littleEndian, Array.init)
        bytes += [UInt8](repeating: 0, count: 1000) + [7] + [UInt8](repeating: 0, count: rest - 1009)
        try log.directory.write(bytes, to: name)
        let report = try audit(log)
        #expect(report.status == .verified)
        #expect(report.notes.contains { $0.hasPrefix("torn tail") })
    }

    @Test("a log that is being written to passes at every moment")
    func liveLog() async throws {
        let directory = try TemporaryDirectory()
        let log = try TestLog.open(directory.path, segmentBytes: 1 << 14)
        let writer = Task { () throws in
            for number in UInt64(1)...6 {
                var story = try await Story(log: log, number: number)
                let session = try await story.liveSession()
                _ = try await story.destroy(session)
            }
        }
        let auditor = LogAuditor(verifierKey: log.verifierKey)
        var largest: UInt64 = 0
        for _ in 0..<8 {
            let report = try auditor.audit(directory.path)
            #expect(report[.integrity].result == .passed, "\(report.output.text)")
            #expect(report[.meaning].result == .passed)
            #expect(report[.authenticity].result != .failed)
            #expect(report.head.size >= largest)
            largest = report.head.size
            await Task.yield()
        }
        try await writer.value
        #expect(try auditor.audit(directory.path).head.size == log.head.size)
        try await log.close()
        #expect(try auditor.audit(directory.path).status == .verified)
    }

    @Test("bytes alone say nothing of the meaning, and need only the bytes")
    func bytesOnly() async throws {
        let log = try await TestLog.make()
        let report = try audit(log, bytesOnly: true)
        #expect(report.status == .verified)
        #expect(report[.meaning].result == .unchecked)
        try Forgery.edit(log) { try Forgery.replace(#""session.executed""#, by: #""session.executing""#, in: &$0) }
        try Forgery.sign(log, with: try TestSigner())
        #expect(try audit(log, bytesOnly: true).status == .verified)
        #expect(try audit(log).status == .failed)
    }

    @Test("a directory without a log cannot be audited")
    func noLog() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: AuditorError.self) { try LogAuditor().audit(directory.path) }
        #expect(throws: AuditorError.self) { try LogAuditor().audit(directory.path + "/absent") }
    }
}
