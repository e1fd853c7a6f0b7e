import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `GET /v1/proofs/:session_id`, `POST /v1/verify`, `GET /v1/keys/:id`.
struct ProofRoutes: Sendable {
    let reads: ReadModel
    let log: EventLog

    var routes: [Route] {
        [
            Route(
                .get, "/v1/proofs/:session_id", .key(.proofsRead), immediate: ImmediateAnswer(answer: proofAtOnce),
                handler: proof),
            Route(
                .post, "/v1/verify", .public, bodyBytesMax: ProofVerifier.documentBytesMax, addressLimit: .verify,
                idempotency: .notNeeded, isForAnyOrigin: true, immediate: ImmediateAnswer(answer: verify),
                handler: verify),
            Route(
                .get, "/v1/keys/:id", .public, isForAnyOrigin: true,
                immediate: ImmediateAnswer(answer: verificationKey), handler: verificationKey),
        ]
    }

    /// The proof alone; what proves that the log includes it is read from the disk.
    private func proofAtOnce(_ exchange: Exchange) throws(APIError) -> APIResponse? {
        guard exchange.query.isEmpty else { return nil }
        // The stored text is already canonical JSON.
        return APIResponse(status: 200, body: Array(try storedProof(exchange).text.utf8))
    }

    private func proof(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let inclusion = exchange.query["include"]
        guard inclusion == nil || inclusion == "inclusion" else {
            throw APIError(.badRequest, "`include` can only be `inclusion`.", field: "include")
        }
        let proof = try storedProof(exchange)
        guard inclusion != nil, let places = try reads.proofPlaces(of: proof.id, for: try exchange.caller()) else {
            return APIResponse(status: 200, body: Array(proof.text.utf8))
        }
        return try await ProofWithInclusion(log: log).answer(proof.text, places)
    }

    private func storedProof(_ exchange: Exchange) throws(APIError) -> (id: SessionID, text: String) {
        guard let id = SessionID(anyOf: exchange.parameter("session_id")),
            let text = try reads.proof(of: id, for: try exchange.caller())
        else {
            throw APIError(.notFound, "There is no proof: the session is not there, or not destroyed yet.")
        }
        return (id, text)
    }

    /// Stateless: the document is checked and forgotten.
    private func verify(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let allowed = exchange.query["allow_missing_layers"] ?? "false"
        guard ["true", "false"].contains(allowed) else {
            throw APIError(
                .badRequest, "`allow_missing_layers` must be true or false.", field: "allow_missing_layers")
        }
        let verification: ProofVerification
        do throws(ProofError) {
            var verifier = ProofVerifier(acceptsMissingLayers: allowed == "true")
            verifier.hasMadeKey = { [reads] name, key in reads.hasPublished(name, key.text) }
            verification = try verifier.verify(exchange.body)
        } catch { throw APIError(.badRequest, "This is not a CDP: \(error.message).") }
        return .json([
            "valid": .bool(verification.isValid), "checks": verification.checksDocument,
            "level": .string(ProofVerification.level), "key_published": .bool(try isPublished(verification.claims)),
            "layers_missing": .array(verification.layersMissing.map { .string($0) }),
            "failures": .array(verification.failures.map { .string($0.message) }),
        ])
    }

    /// Whether this ledger published that key for that session: a wholly invented document can be perfect in itself.
    private func isPublished(_ claims: ProofClaims?) throws(APIError) -> Bool {
        guard let claims, let key = try reads.verificationKey(claims.keyID) else { return false }
        return key.publicKey == claims.publicKey.text && key.sessionID.text == claims.sessionID
    }

    private func verificationKey(_ exchange: Exchange) throws(APIError) -> APIResponse {
        guard let key = try reads.verificationKey(exchange.parameter("id")) else {
            throw APIError(.notFound, "There is no verification key of that name. API keys are under /v1/api-keys.")
        }
        return .json([
            "key_id": .string(key.id), "algorithm": .string(VerificationKeyPublished.algorithm),
            "public_key": .string(key.publicKey), "created_at": .string(key.createdAt.secondsText),
        ])
    }
}
