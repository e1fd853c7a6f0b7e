import CanonicalJSON
import EventStore
import Ledger
import Testing

@testable import Replay

/// A proof with what shows that the log holds it.
enum InclusionFile {
    /// What `GET /v1/proofs/:session_id?include=inclusion` answers.
    ///
    /// - Parameter signer: the key that the log in `directory` has now.
    static func make(of proof: [UInt8], in directory: String, signer: TestSigner) async throws -> JSONObject {
        let log = try TestLog.open(directory, signer: signer)
        let document = try JSONReader.read(proof)
        let session = try #require(document["session_id"]?.string)
        let events = try StreamHistory(of: session, in: directory).events
        func place(_ type: String) throws -> UInt64 {
            try #require(events.first { $0.event.type == type }?.sequence)
        }
        let proofs = try await log.inclusionProofs(carrying: [
            try place(ProofIssued.type), try place(VerificationKeyPublished.type),
        ])
        var inclusion = JSONObject()
        inclusion["key_rotations"] = .array(log.rotations.map { .object($0.data) })
        inclusion["recovery"] = log.keys.periods.first?.recovery.map { .object($0.document) }
        inclusion["proof_issued"] = .string(proofs[0].text)
        inclusion["verification_key_published"] = .string(proofs[1].text)
        try await log.close()
        var file = JSONObject()
        file["cdp"] = document
        file["inclusion"] = .object(inclusion)
        return file
    }
}
