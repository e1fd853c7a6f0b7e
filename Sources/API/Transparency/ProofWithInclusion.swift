import CanonicalJSON
import EventStore
import Ledger

/// A proof together with what shows a stranger that the log holds it: one file that `nrx-replay verify` takes whole,
/// with nothing but the log's verifier key.
struct ProofWithInclusion: Sendable {
    let log: EventLog

    /// `{"cdp":…,"inclusion":{"key_rotations":[…],"proof_issued":"…","recovery":{…},"verification_key_published":"…"}}`;
    /// `recovery` only where the log's first key named a recovery key.
    ///
    /// - Parameters:
    ///   - proof: the CDP's canonical text.
    ///   - places: where its event, and its key's event, stand in the log.
    func answer(
        _ proof: String, _ places: (proof: UInt64, verificationKey: UInt64)
    ) async throws(APIError) -> APIResponse {
        let log = log
        let proofs = try await logAnswer { () throws(EventLogError) in
            try await log.inclusionProofs(carrying: [places.proof, places.verificationKey])
        }
        guard proofs.count == 2 else { throw .internalError }
        var inclusion = JSONObject()
        inclusion["key_rotations"] = .array(log.rotations.map { .object($0.data) })
        inclusion["recovery"] = log.keys.periods.first?.recovery.map { .object($0.document) }
        inclusion["proof_issued"] = .string(proofs[0].text)
        inclusion["verification_key_published"] = .string(proofs[1].text)
        // The proof is spliced in as it is stored, so that it stays byte for byte what was handed out before.
        return APIResponse(
            status: 200,
            body: Array("{\"cdp\":\(proof),\"inclusion\":\(JSONValue.object(inclusion).canonicalText)}".utf8))
    }
}
