import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Testing

@testable import Replay

@Suite("Verifying a proof at three levels")
struct ProofExaminerTests {
    /// The inclusion proof of the event that published the key of session `index`.
    private func keyEventProof(_ log: TestLog, session index: Int = 0) throws -> InclusionProof {
        let history = try StreamHistory(of: log.sessions[index].text, in: log.path)
        let event = try #require(history.events.first { $0.event.type == VerificationKeyPublished.type })
        guard case .proven(let proof) = try OfflineProver(directory: log.path).prove(event.sequence) else {
            throw AuditorError(.io, "no proof was made")
        }
        return proof
    }

    @Test("a document alone reaches integrity, says so, and is never called authentic")
    func alone() async throws {
        let log = try await TestLog.make()
        let report = try ProofExaminer().examine(log.proofs[0])
        #expect(report.reached == .integrity)
        #expect(report.status == .verified)
        #expect(report.output(file: "f").text.contains("not authenticity"))
    }

    @Test("an altered document fails, and so does one that is no proof at all")
    func altered() async throws {
        let log = try await TestLog.make()
        let text = String(decoding: log.proofs[0], as: UTF8.self)
        let changed = Array(text.replacing(#""exec_count":1"#, with: #""exec_count":2"#).utf8)
        #expect(try ProofExaminer().examine(changed).status == .failed)
        #expect(try ProofExaminer().examine(Array("{}".utf8)).status == .failed)
        #expect(try ProofExaminer().examine([0xFF]).status == .failed)
    }

    @Test("the golden documents that must be refused are refused, the golden proof is not")
    func golden() throws {
        let vectors = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "fixtures/vectors")
        let proof = Array(try Data(contentsOf: vectors.appending(path: "cdp-1.0.json")))
        #expect(try ProofExaminer().examine(proof).status == .verified)
        let document = try JSONReader.read(proof)
        for name in try #require(document.object).names {
            var object = try #require(document.object)
            object[name] = nil
            #expect(try ProofExaminer().examine(JSONValue.object(object).canonicalBytes).status == .failed, "\(name)")
        }
    }

    @Test("missing isolation layers fail unless they are accepted, and are named either way")
    func missingLayers() async throws {
        let log = try await TestLog.make { $0.layersMissing = ["seccomp"] }
        let strict = try ProofExaminer().examine(log.proofs[1])
        #expect(strict.status == .failed)
        #expect(strict.layersMissing == ["seccomp"])
        let lenient = try ProofExaminer(acceptsMissingLayers: true).examine(log.proofs[1])
        #expect(lenient.status == .verified)
        #expect(lenient.output(file: "f").text.contains("seccomp"))
    }

    @Test("an inclusion proof of the key's event reaches provenance with nothing but the log's key")
    func provenance() async throws {
        let log = try await TestLog.make()
        let text = try keyEventProof(log).text
        var examiner = ProofExaminer(verifierKey: log.verifierKey)
        examiner.inclusion = Result { () throws(NoteError) in try InclusionProof(text: text) }
        let report = try examiner.examine(log.proofs[0])
        #expect(report.reached == .provenance)
        #expect(report.status == .verified)
    }

    @Test("an inclusion proof of another session's key, of another event or under another key fails")
    func wrongInclusion() async throws {
        let log = try await TestLog.make()
        let own = try keyEventProof(log)
        let other = try keyEventProof(log, session: 1)
        #expect(try examine(log, other).status == .failed)
        #expect(try examine(log, own, key: try TestSigner(seed: 9).verifierKey).status == .failed)
        guard case .proven(let creation) = try OfflineProver(directory: log.path).prove(3) else {
            Issue.record("no proof was made")
            return
        }
        #expect(try examine(log, creation).status == .failed)
        let swapped = InclusionProof(
            index: own.index, path: own.path, checkpoint: own.checkpoint, extra: creation.extra)
        #expect(try examine(log, swapped).status == .failed)
        let silent = InclusionProof(index: own.index, path: own.path, checkpoint: own.checkpoint)
        #expect(try examine(log, silent).status == .lowerLevel)
    }

    private func examine(_ log: TestLog, _ proof: InclusionProof, key: VerifierKey? = nil) throws -> ProofReport {
        try ProofExaminer(inclusion: .success(proof), verifierKey: key ?? log.verifierKey).examine(log.proofs[0])
    }

    @Test("an inclusion proof without the log's key is a question that cannot be asked")
    func inclusionWithoutKey() async throws {
        let log = try await TestLog.make()
        let proof = try keyEventProof(log)
        #expect(throws: AuditorError.self) {
            try ProofExaminer(inclusion: .success(proof)).examine(log.proofs[0])
        }
    }

    @Test("the log and a kept checkpoint reach history")
    func history() async throws {
        let log = try await TestLog.make()
        let examiner = ProofExaminer(logDirectory: log.path, verifierKey: log.verifierKey, keptCheckpoint: log.kept)
        for proof in log.proofs {
            let report = try examiner.examine(proof)
            #expect(report.reached == .history)
            #expect(report.status == .verified)
        }
    }

    @Test("without a kept checkpoint history is not reached, and the exit code is 3")
    func noKeptCheckpoint() async throws {
        let log = try await TestLog.make()
        let report = try ProofExaminer(logDirectory: log.path, verifierKey: log.verifierKey).examine(log.proofs[0])
        #expect(report.reached == .provenance)
        #expect(report.status == .lowerLevel)
        let bare = try ProofExaminer(logDirectory: log.path).examine(log.proofs[0])
        #expect(bare.reached == .integrity)
        #expect(bare.status == .lowerLevel)
    }

    @Test("a perfect proof that this log never issued fails against the log")
    func foreignProof() async throws {
        let log = try await TestLog.make()
        let other = try await TestLog.make()
        // Made by the same story, so the session exists in both; the keys are fresh in each.
        let report = try ProofExaminer(logDirectory: log.path, keptCheckpoint: log.kept).examine(other.proofs[0])
        #expect(report.status == .failed)
        let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "fixtures/vectors/cdp-1.0.json")
        let unknown = try ProofExaminer(logDirectory: log.path).examine(Array(try Data(contentsOf: golden)))
        #expect(unknown.status == .failed)
        #expect(unknown.output(file: "f").text.contains("knows no session"))
    }

    @Test("a proof checked against a damaged log fails")
    func damagedLog() async throws {
        let log = try await TestLog.make()
        let name = try #require(try log.segments().first)
        var bytes = try log.directory.bytes(name)
        bytes[bytes.count / 2] ^= 1
        try log.directory.write(bytes, to: name)
        let report = try ProofExaminer(logDirectory: log.path, keptCheckpoint: log.kept).examine(log.proofs[0])
        #expect(report.status == .failed)
    }
}
