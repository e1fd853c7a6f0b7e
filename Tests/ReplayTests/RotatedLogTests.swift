import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Merkle
import Testing

@testable import Replay

/// A log whose key was rotated in the middle of its life, as auditors see it who know one key or the other.
@Suite("Auditing a log under two keys")
struct RotatedLogTests {
    private let old: TestSigner
    private let new: TestSigner

    init() throws { (old, new) = (try TestSigner(), try TestSigner(seed: 8)) }

    /// A session before the rotation and one after it, each with its proof.
    private func make(_ directory: String) async throws -> (proofs: [[UInt8]], before: Checkpoint, lastSize: UInt64) {
        let log = try TestLog.open(directory, signer: old)
        var story = try await Story(log: log)
        var proofs = [try await story.destroy(try await story.liveSession())]
        let before = try await log.signCheckpoint()
        let rotation = try await log.rotateKey(
            to: new, eventID: EventID(high: 9, low: 9).text, at: Timestamp(microseconds: 1_772_373_700_000_000))
        proofs.append(try await story.destroy(try await story.liveSession()))
        try await log.close()
        return (proofs, before, rotation.lastSize)
    }

    @Test("whoever knows the old key or the new one accepts it, with a checkpoint kept from before; a third key fails")
    func accepted() async throws {
        let directory = try TemporaryDirectory()
        let made = try await make(directory.path)
        for bytesOnly in [false, true] {
            for key in [old.verifierKey, new.verifierKey] {
                let report = try LogAuditor(verifierKey: key, keptCheckpoint: made.before, bytesOnly: bytesOnly)
                    .audit(directory.path)
                #expect(report.status == .verified, "\(report.output.text)")
                #expect(report[.authenticity].result == .passed)
                #expect(report[.rollback].result == .passed)
                #expect(report.verifierKey == new.verifierKey)
            }
            let stranger = try TestSigner(seed: 9).verifierKey
            let report = try LogAuditor(verifierKey: stranger, bytesOnly: bytesOnly).audit(directory.path)
            #expect(report[.authenticity].result == .failed)
        }
    }

    @Test("a checkpoint that the old key signed after it was given up is refused, and so is one kept from it")
    func retired() async throws {
        let directory = try TemporaryDirectory()
        let made = try await make(directory.path)
        let scan = try LogScanner(directory: directory.path).scan { _ in }
        let head = TreeHead(size: scan.tree.size, root: scan.tree.root)
        let forged = try Checkpoint(origin: old.verifierKey.name, head: head, signer: old)
        let kept = try LogAuditor(keptCheckpoint: forged).audit(directory.path)
        #expect(kept[.rollback].result == .failed)
        #expect(kept[.rollback].explanation.contains("gave up after \(made.lastSize) events"))
        try directory.write(Array(forged.text.utf8), to: "checkpoint")
        let report = try LogAuditor(verifierKey: old.verifierKey).audit(directory.path)
        #expect(report[.authenticity].result == .failed)
        #expect(report[.authenticity].explanation.contains("gave up after \(made.lastSize) events"))
    }

    @Test("a rotation that somebody else wrote into the log fails, and what their key signed too")
    func forgedRotation() async throws {
        let log = try await TestLog.make()
        let stranger = try TestSigner(seed: 9)
        let size = try LogAuditor().audit(log.path).head.size
        let rotation = try LogKeyRotation(from: stranger, to: new, lastSize: size)
        var data = rotation.data
        data["old_verifier_key"] = .string(log.verifierKey.description)
        let event = EventDraft(
            id: EventID(high: 9, low: 9).text, at: Timestamp(microseconds: 1_772_473_700_000_000), actor: "operator",
            stream: "log", trace: "t", type: LogKeyRotation.type, version: 1, data: data)
        try Forgery.edit(log) { $0.append([event.line(at: size)]) }
        try Forgery.sign(log, with: new)
        let report = try LogAuditor(verifierKey: log.verifierKey).audit(log.path)
        #expect(report[.meaning].result == .failed)
        #expect(report[.authenticity].result == .failed)
        #expect(try LogAuditor(bytesOnly: true).audit(log.path)[.authenticity].result == .failed)
    }

    private func examine(_ file: JSONObject, key: VerifierKey) throws -> ProofReport {
        try ProofExaminer(verifierKey: key).examine(JSONValue.object(file).canonicalBytes)
    }

    @Test("a file with inclusion proofs reaches provenance under either key; every part of it counts")
    func fileWithInclusion() async throws {
        let directory = try TemporaryDirectory()
        let made = try await make(directory.path)
        let first = try await InclusionFile.make(of: made.proofs[0], in: directory.path, signer: new)
        let second = try await InclusionFile.make(of: made.proofs[1], in: directory.path, signer: new)
        for file in [first, second] {
            for key in [old.verifierKey, new.verifierKey] {
                let report = try examine(file, key: key)
                #expect(report.reached == .provenance && report.status == .verified, "\(report.output(file: "f").text)")
                #expect(report.output(file: "f").text.contains("issued this proof as event"))
            }
            #expect(try examine(file, key: try TestSigner(seed: 9).verifierKey).status == .failed)
            let bare = try ProofExaminer().examine(JSONValue.object(file).canonicalBytes)
            #expect(bare.reached == .integrity && bare.status == .verified)
        }
        let inclusion = try #require(first["inclusion"]?.object)
        let foreign = try #require(second["inclusion"]?.object)
        for name in ["proof_issued", "verification_key_published"] {
            for replacement in [foreign[name], .string("nonsense"), nil] {
                var changed = inclusion
                changed[name] = replacement
                var file = first
                file["inclusion"] = .object(changed)
                #expect(try examine(file, key: new.verifierKey).status == .failed, "\(name): \(replacement as Any)")
            }
        }
        // Without the rotation whoever knows the old key only cannot follow; who knows the new one need not.
        var unled = inclusion
        unled["key_rotations"] = .array([])
        var file = first
        file["inclusion"] = .object(unled)
        #expect(try examine(file, key: old.verifierKey).status == .failed)
        #expect(try examine(file, key: new.verifierKey).status == .verified)
        // A proof beside the other session's inclusion.
        file = first
        file["cdp"] = second["cdp"]
        #expect(try examine(file, key: new.verifierKey).status == .failed)
    }
}
