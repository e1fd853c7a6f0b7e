import EventStore
import Foundation
import Testing

@testable import Replay

@Suite("Proving an event from the log's own files")
struct OfflineProverTests {
    @Test("the proof of every event verifies under the log's key, from its text alone, and is the server's own")
    func everyEvent() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        let prover = OfflineProver(directory: log.path)
        let size = try LogAuditor().audit(log.path).head.size
        let copy = try log.copy()
        let server = try TestLog.open(copy.path)
        for sequence in 0..<size {
            guard case .proven(let made) = try prover.prove(sequence) else {
                Issue.record("event \(sequence) has no proof")
                continue
            }
            let proof = try InclusionProof(text: made.text)
            let line = try #require(proof.extra)
            try proof.verify(line: line, key: log.verifierKey)
            let event = try #require(try await server.read(from: sequence, count: 1).first)
            #expect(event.event.line(at: sequence) == line)
            #expect(try await server.inclusionProof(of: sequence).path == proof.path)
        }
        try await server.close()
        guard case .failed = try prover.prove(size) else {
            Issue.record("an event that is not there was proven")
            return
        }
    }

    @Test(
        "an event that is not the one that was signed for is not proven, with tiles or without; without them nothing is"
    )
    func edited() async throws {
        let log = try await TestLog.make()
        let lines = try Forgery.batches(in: log.path).flatMap(\.self)
        let member = #""stdout_bytes":5"#
        let edited = try #require(lines.firstIndex { String(decoding: $0, as: UTF8.self).contains(member) })
        try Forgery.edit(log) { try Forgery.replace(member, by: #""stdout_bytes":6"#, in: &$0) }
        func reason(_ sequence: Int) throws -> String? {
            guard case .failed(let reason) = try OfflineProver(directory: log.path).prove(UInt64(sequence)) else {
                return nil
            }
            return reason
        }
        #expect(try reason(edited)?.contains("root") == true)
        // The tiles still lead from the others to the signed root.
        #expect(try reason(1) == nil)
        try FileManager.default.removeItem(atPath: log.directory.file("checkpoint.edge"))
        #expect(try reason(1)?.contains("root") == true)
    }

    private func proof(_ sequence: UInt64, in log: TestLog) throws -> InclusionProof? {
        guard case .proven(let proof) = try OfflineProver(directory: log.path).prove(sequence) else { return nil }
        return proof
    }

    @Test("with its tiles the log itself is not read: damage elsewhere does not matter; without them it is, and does")
    func fromTiles() async throws {
        let directory = try TemporaryDirectory()
        let opened = try TestLog.open(directory.path, segmentBytes: 1 << 15)
        var story = try await Story(log: opened)
        while opened.head.size < 600 { _ = try await story.liveSession() }
        let kept = try await opened.signCheckpoint()
        try await opened.close()
        let log = TestLog(
            directory: directory, verifierKey: opened.verifierKey, proofs: [], sessions: [], kept: kept)
        let names = try log.segments()
        try #require(names.count > 3)
        let size = kept.head.size
        let places: [UInt64] = [0, 1, 255, 256, 300, 511, 512, size - 1]
        let whole = try places.map { try #require(try proof($0, in: log)) }
        for proof in whole { try proof.verify(line: try #require(proof.extra), key: log.verifierKey) }
        // The edge gone, or of another tree, or altered: the same proofs, from all events.
        let edge = try directory.bytes("checkpoint.edge")
        var altered = edge
        altered[edge.count - 1] ^= 1
        var smaller = edge
        smaller[0] ^= 1
        for wrong in [altered, smaller, Array(edge.dropLast()), []] {
            try directory.write(wrong, to: "checkpoint.edge")
            #expect(try places.map { try #require(try proof($0, in: log)) } == whole)
        }
        // A damaged segment stops that, and not a proof from tiles of an event that stands in another one.
        var segment = try directory.bytes(names[1])
        segment[300] ^= 1
        try directory.write(segment, to: names[1])
        #expect(try proof(size - 1, in: log) == nil)
        try directory.write(edge, to: "checkpoint.edge")
        #expect(try proof(size - 1, in: log) == whole[7])
        #expect(try proof(0, in: log) == whole[0])
        // A tile that was altered is noticed by the root.
        var tile = try directory.bytes("tile/0/001")
        tile[40] ^= 1
        try directory.write(tile, to: "tile/0/001")
        #expect(try proof(300, in: log) == nil)
    }
}
