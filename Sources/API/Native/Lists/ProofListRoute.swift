import Ledger
import CanonicalJSON
import EventStore
import Projections
import Proofs

/// `GET /v1/proofs`: what the caller's proofs are about, newest first; each whole one is under `GET /v1/proofs/:id`.
struct ProofListRoute: Sendable {
    let reads: ReadModel

    var routes: [Route] { [Route(.get, "/v1/proofs", .key(.proofsRead), handler: list)] }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let page = try PageRequest(query: exchange.query)
        let after = try exchange.sessionCursor(page)
        let proofs = try reads.proofs(for: try exchange.caller(), startingAfter: after, limit: page.rowsWanted)
        return page.answer(proofs) { proof in
            [
                "session_id": .string(proof.sessionID.text), "key_id": .string(proof.keyID),
                "final_hash": .string(proof.finalHash), "trigger": .string(proof.trigger.rawValue),
                "issued_at": .string(proof.issuedAt.secondsText), "environment": .string(proof.environment.rawValue),
                "log_index": .integer(Int64(proof.sequence)),
            ]
        }
    }
}
