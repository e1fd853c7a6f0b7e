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

    @Test("a log that is not what its checkpoint signed proves nothing")
    func edited() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { try Forgery.replace(#""stdout_bytes":5"#, by: #""stdout_bytes":6"#, in: &$0) }
        guard case .failed(let reason) = try OfflineProver(directory: log.path).prove(1) else {
            Issue.record("it was proven")
            return
        }
        #expect(reason.contains("root"))
    }
}
