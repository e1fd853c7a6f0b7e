import CanonicalJSON
import Dispatch
import Foundation
import Ledger
import Merkle
import Synchronization
import Testing

@testable import EventStore
@testable import Replay

@Suite("Every single byte of a log flipped in turn is found by the auditor, with its place")
struct EveryByteTests {
    /// Bytes judged on each thread; each has a copy of the log of its own.
    private static let threads = 2
    private static let events = 300

    private static func draft(_ number: Int) -> EventDraft {
        var data = JSONObject()
        data["n"] = .integer(Int64(number))
        return EventDraft(
            id: EventID(high: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(number)).text,
            at: Timestamp(microseconds: 1_772_373_600_000_000 + Int64(number)), actor: "system", stream: "log",
            trace: "req_0", type: "test.note", version: 1, data: data)
    }

    /// A log as a server at work has it: sealed segments, some of them recompressed, a live one with its filler, a
    /// checkpoint, and full tiles.
    private static func make() async throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        var configuration = EventLogConfiguration()
        configuration.segmentBytes = 4096
        configuration.preparesSegmentsAhead = false
        let signer = try TestSigner()
        func open() throws -> EventLog {
            try EventLog.open(
                directory: directory.path, signer: signer, keeper: keeper, configuration: configuration,
                clock: { Timestamp(microseconds: 1_772_373_600_000_000) }, newEventID: { EventID(high: 1, low: 1).text }
            )
        }
        func append(_ numbers: Range<Int>, to log: EventLog) async throws {
            for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 15) {
                _ = try await log.append((start..<min(start + 15, numbers.upperBound)).map(draft))
            }
        }
        var log = try open()
        try await append(0..<(events / 2), to: log)
        for _ in 0..<6_000 where log.recompression.segments == 0 { try await Task.sleep(for: .milliseconds(10)) }
        try await log.close()
        configuration.recompressesSealedSegments = false
        log = try open()
        try await append((events / 2)..<events, to: log)
        _ = try await log.signCheckpoint()
        // Copied while it is open, so that the live segment keeps its filler.
        let copy = try directory.copy()
        try await log.close()
        try FileManager.default.removeItem(atPath: copy.file("lock"))
        return copy
    }

    private static func audit(_ path: String, key: VerifierKey) throws -> AuditReport {
        var resources = ScanResources(threads: 1)
        resources.settleMilliseconds = 0
        return try LogAuditor(verifierKey: key, bytesOnly: true, resources: resources).audit(path)
    }

    /// Bytes whose change nobody noticed.
    private final class Missed: Sendable {
        let list = Mutex<[String]>([])
    }

    /// Flips every byte of `name` in turn, on several threads, and records those for which `isFound` is false.
    private static func flipAll(
        of name: String, in log: TemporaryDirectory, _ isFound: @escaping @Sendable (AuditReport, Int) -> Bool
    ) async throws -> Int {
        let bytes = try log.bytes(name)
        let key = try TestSigner().verifierKey
        let missed = Missed()
        let copies = try (0..<threads).map { _ in try log.copy() }
        await SerialWorker(name: "every-byte").run {
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                do {
                    for byte in stride(from: thread, to: bytes.count, by: threads) {
                        var changed = bytes
                        changed[byte] ^= 1 << UInt8(byte % 8)
                        try copies[thread].write(changed, to: name)
                        let report = try audit(copies[thread].path, key: key)
                        if !isFound(report, byte) {
                            missed.list.withLock {
                                $0.append("byte \(byte): \(report.status) \(report.findings.prefix(2)) \(report.notes)")
                            }
                        }
                    }
                } catch { missed.list.withLock { $0.append("\(error)") } }
            }
        }
        let found = missed.list.withLock { $0 }
        #expect(found.isEmpty, "\(name), \(found.count) bytes: \(found.prefix(3))")
        return bytes.count
    }

    @Test("segments, sealed, recompressed and live: the file, the batch and its events are named")
    func segments() async throws {
        let log = try await Self.make()
        let whole = try Self.audit(log.path, key: try TestSigner().verifierKey)
        #expect(whole.status == .verified && whole.head.size == UInt64(Self.events) + 1, "\(whole.output.text)")
        var starts: [String: [Int]] = [:]
        var recompressed = 0
        _ = try LogScanner(directory: log.path).scan { batch in
            starts[batch.file, default: []].append(batch.offset)
            if batch.header.isRecompressed { recompressed += 1 }
        }
        #expect(recompressed > 0)
        let names = try LogScanner(directory: log.path).segments().map(\.name)
        #expect(names.count > 2)
        for (index, name) in names.enumerated() {
            let places = (starts[log.file(name)] ?? []) + [try log.bytes(name).count]
            let isLive = index == names.count - 1
            let flipped = try await Self.flipAll(of: name, in: log) { report, byte in
                let place = places.last { $0 <= byte }
                if let finding = report.findings.first(where: { $0.question == .integrity }) {
                    return report.status == .failed && finding.file?.hasSuffix("/" + name) == true
                        && finding.sequence != nil
                        && (finding.offset == place || isLive && (finding.offset ?? .max) <= byte)
                }
                // Behind the last batch of the live segment stands only what a write that was never acknowledged could
                // have left: named, and no failure.
                return isLive && report.head == whole.head && report.notes.contains { $0.contains(name) }
            }
            #expect(flipped > 0)
        }
    }

    @Test("the checkpoint: every byte belongs to what was signed or to the signature")
    func checkpoint() async throws {
        let log = try await Self.make()
        _ = try await Self.flipAll(of: "checkpoint", in: log) { report, _ in
            report.status != .verified && report[.authenticity].result != .passed
                && report[.authenticity].explanation.contains("checkpoint")
        }
    }

    @Test("tiles and entry bundles: the file is named", arguments: ["tile/0/000", "tile/entries/000"])
    func tiles(name: String) async throws {
        let log = try await Self.make()
        _ = try await Self.flipAll(of: name, in: log) { report, _ in
            report.status == .failed && report.findings.contains { $0.file?.hasSuffix("/" + name) == true }
        }
    }

    @Test("a value edited with its frame compressed anew and every checksum made right is found by the root")
    func consistentEdit() async throws {
        let log = try await Self.make()
        let name = try #require(try LogScanner(directory: log.path).segments().first?.name)
        var place: (offset: Int, header: BatchHeader, text: [UInt8])?
        _ = try LogScanner(directory: log.path).scan { batch in
            if place == nil, batch.header.firstSequence > 0 || batch.header.eventCount > 1 {
                place = (batch.offset, batch.header, Array(batch.text))
            }
        }
        let found = try #require(place)
        let edited = Array(String(decoding: found.text, as: UTF8.self).replacing("\"n\":5}", with: "\"n\":6}").utf8)
        #expect(edited != found.text && edited.count == found.text.count)
        var frame: [UInt8] = []
        let level: Int32 = found.header.isRecompressed ? SegmentRecompressor.compressionLevel : 1
        var header = found.header
        header.frameBytes = UInt32(
            try edited.withUnsafeBytes { try LZ4Frame.compress($0, level: level, appendingTo: &frame) })
        let old = try log.bytes(name)
        let rest = old[(found.offset + found.header.batchBytes)...]
        try log.write(
            Array(old[..<found.offset]) + header.encoded() + [UInt8](repeating: 0, count: header.paddingBytes) + frame
                + rest, to: name)
        let report = try Self.audit(log.path, key: try TestSigner().verifierKey)
        let finding = try #require(report.findings.first { $0.question == .integrity })
        #expect(report.status == .failed)
        #expect(finding.file == log.file(name) && finding.offset == found.offset)
        #expect(finding.sequence == found.header.firstSequence)
        #expect(finding.message.contains("root"))
    }
}
