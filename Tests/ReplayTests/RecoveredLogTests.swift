import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Merkle
import Testing

@testable import Replay

/// A log whose key was lost and recovered, as auditors see it who know one key or the other.
@Suite("Auditing a log whose key was recovered")
struct RecoveredLogTests {
    private let old: TestSigner
    private let new: TestSigner
    private let offline: TestSigner

    init() throws {
        (old, new) = (try TestSigner(), try TestSigner(seed: 8))
        offline = try TestSigner(origin: "example/recovery", seed: 9)
    }

    /// A session before the loss and one after it; the proof of the first, and a checkpoint from before.
    private func make(_ directory: String) async throws -> (proof: [UInt8], before: Checkpoint) {
        let log = try TestLog.open(directory, signer: old, naming: offline.verifierKey)
        var story = try await Story(log: log)
        let proof = try await story.destroy(try await story.liveSession())
        let before = try await log.signCheckpoint()
        try await log.close()
        let recovered = try TestLog.open(directory, signer: new, recoveredBy: offline)
        var later = try await Story(log: recovered, number: 2)
        _ = try await later.destroy(try await later.liveSession())
        try await recovered.close()
        return (proof, before)
    }

    @Test("it audits under the old key and the new one, says how each key came to be trusted, and who put it there")
    func trusted() async throws {
        let directory = try TemporaryDirectory()
        let made = try await make(directory.path)
        for bytesOnly in [false, true] {
            for key in [old.verifierKey, new.verifierKey] {
                let report = try LogAuditor(verifierKey: key, keptCheckpoint: made.before, bytesOnly: bytesOnly)
                    .audit(directory.path)
                #expect(report.status == .verified, "\(report.output.text)")
                // Whoever knows the new key only trusts nobody's recovery.
                let isNoted = report.notes.contains { $0.contains("its recovery key example/recovery") }
                #expect(isNoted == (key == old.verifierKey), "\(report.notes)")
                // Lines are broken for people.
                let text = report.output.text.split { $0.isWhitespace }.joined(separator: " ")
                #expect(text.contains("named by the first event") && text.contains("endorsed by the recovery key"))
                #expect(text.contains("recovery key \(offline.verifierKey)"), "\(text)")
            }
        }
        let document = try LogAuditor().audit(directory.path).document
        let keys = try #require(document["log"]?["keys"]?.array)
        #expect(keys.map { $0["trusted_by"]?.string } == ["first_event", "recovery"])
        #expect(keys[1]["endorser"] == .string(offline.verifierKey.description))
        #expect(keys[0]["last_size"] == .integer(Int64(made.before.head.size)))
        #expect(keys[1]["first_size"] == .integer(Int64(made.before.head.size) + 1))
        #expect(document["log"]?["recovery_key"] == .string(offline.verifierKey.description))
        let other = try LogAuditor(verifierKey: try TestSigner(seed: 11).verifierKey).audit(directory.path)
        #expect(other[.authenticity].result == .failed)
    }

    @Test(
        "a recovery by a key that the log's key never named fails, though every checksum, root and signature is right")
    func forged() async throws {
        let directory = try TemporaryDirectory()
        _ = try await make(directory.path)
        let stranger = try TestSigner(origin: "example/recovery", seed: 12)
        let target = try TestSigner(seed: 13)
        var batches = try Forgery.batches(in: directory.path)
        let place = try #require(
            batches.flatMap(\.self).firstIndex { String(decoding: $0, as: UTF8.self).contains("log.key_recovered") })
        batches = [batches.flatMap(\.self).prefix(place).map(\.self)]
        func write(_ batches: [[[UInt8]]], _ rotation: LogKeyRotation) throws {
            let event = rotation.event(
                id: EventID(high: 1, low: 2).text, at: Timestamp(microseconds: 1_772_473_700_000_000))
            try Forgery.write(batches + [[event.line(at: UInt64(place))]], to: directory)
            let scan = try LogScanner(directory: directory.path).scan { _ in }
            let head = TreeHead(size: scan.tree.size, root: scan.tree.root)
            let checkpoint = try Checkpoint(origin: target.verifierKey.name, head: head, signer: target)
            try directory.write(Array(checkpoint.text.utf8), to: "checkpoint")
        }
        let forged = try LogKeyRotation(
            recovering: old.verifierKey, to: target, lastSize: UInt64(place), by: stranger)
        try write(batches, forged)
        for bytesOnly in [false, true] {
            let report = try LogAuditor(verifierKey: old.verifierKey, bytesOnly: bytesOnly).audit(directory.path)
            #expect(report[.authenticity].result == .failed)
            if !bytesOnly { #expect(report[.meaning].result == .failed) }
        }
        // Also when the first event names the forger's key: the log's key did not sign for that.
        var data = try #require(try JSONReader.read(batches[0][0])["data"]?.object)
        let endorsement = try RecoveryEndorsement(by: stranger, of: stranger.verifierKey.renamed("x"))
        data["recovery_key"] = .string(stranger.verifierKey.description)
        data["recovery_signature"] = endorsement.document["recovery_signature"]
        let first = try Envelope(bytes: batches[0][0]).event
        batches[0][0] =
            EventDraft(
                id: first.id, at: first.at, actor: first.actor, stream: first.stream, trace: first.trace,
                type: first.type, version: first.version, data: data
            ).line(at: 0)
        try write(batches, forged)
        let report = try LogAuditor(verifierKey: old.verifierKey).audit(directory.path)
        #expect(report[.authenticity].result == .failed)
    }

    @Test("a proof with its inclusion leads from the old key over the recovery; without the named key it does not")
    func inclusion() async throws {
        let directory = try TemporaryDirectory()
        let made = try await make(directory.path)
        let log = try TestLog.open(directory.path, signer: new)
        let document = try JSONReader.read(made.proof)
        let session = try #require(document["session_id"]?.string)
        let events = try StreamHistory(of: session, in: directory.path).events
        func place(_ type: String) throws -> UInt64 {
            try #require(events.first { $0.event.type == type }?.sequence)
        }
        let proofs = try await log.inclusionProofs(carrying: [
            try place(ProofIssued.type), try place(VerificationKeyPublished.type),
        ])
        var inclusion = JSONObject()
        inclusion["key_rotations"] = .array(log.rotations.map { .object($0.data) })
        inclusion["recovery"] = (log.keys.periods[0].recovery?.document).map { .object($0) }
        inclusion["proof_issued"] = .string(proofs[0].text)
        inclusion["verification_key_published"] = .string(proofs[1].text)
        try await log.close()
        func examine(_ inclusion: JSONObject, _ key: VerifierKey) throws -> ProofReport {
            var file = JSONObject()
            file["cdp"] = document
            file["inclusion"] = .object(inclusion)
            return try ProofExaminer(verifierKey: key).examine(JSONValue.object(file).canonicalBytes)
        }
        for key in [old.verifierKey, new.verifierKey] {
            #expect(try examine(inclusion, key).reached == .provenance)
        }
        var unnamed = inclusion
        unnamed["recovery"] = nil
        #expect(try examine(unnamed, old.verifierKey).status == .failed)
        #expect(try examine(unnamed, new.verifierKey).reached == .provenance)
        var altered = inclusion
        let other = try RecoveryEndorsement(by: new, of: offline.verifierKey).document["recovery_signature"]
        var statement = try #require(inclusion["recovery"]?.object)
        statement["recovery_signature"] = other
        altered["recovery"] = .object(statement)
        #expect(try examine(altered, old.verifierKey).status == .failed)
    }
}

extension VerifierKey {
    /// The same key under another name.
    fileprivate func renamed(_ name: String) throws -> VerifierKey {
        // Another public key as well: a log's key does not name itself.
        var bytes = publicKey
        bytes[0] ^= 1
        return try #require(VerifierKey(name: name, publicKey: bytes))
    }
}
