import Proofs
import CanonicalJSON
import EventStore

/// What a session's events say that its proof must say too. The proof's inner truth, chain and signature, is for the
/// verifier in `Proofs`.
struct ProofExpectation {
    let session: SessionRecord
    let key: SessionRecord.VerificationKey
    let destroyedAt: Timestamp
    let trigger: DestructionTrigger

    /// The path of the first member that disagrees, or nil.
    func firstMismatch(in event: ProofIssued) -> String? {
        members(of: event).first { $0.found != $0.expected }?.path
    }

    private func members(of event: ProofIssued) -> [(path: String, found: JSONValue?, expected: JSONValue)] {
        let document = event.document
        let attestation = document["attestation"]
        let context = document["session_context"]
        let lifecycle = ProofIssued.lifecycle(of: document)
        let keyID = JSONValue.string(key.id.text)
        let publicKey = JSONValue.string(key.publicKey)
        let created = JSONValue.string(session.createdAt.secondsText)
        let destroyed = JSONValue.string(destroyedAt.secondsText)
        let sessionID = JSONValue.string(session.id.text)
        return [
            ("key_id", .string(event.keyID.text), keyID),
            ("public_key", .string(event.publicKey), publicKey),
            ("trigger", .string(event.trigger.rawValue), .string(trigger.rawValue)),
            ("cdp.session_id", document["session_id"], sessionID),
            ("cdp.created_at", document["created_at"], created),
            ("cdp.destroyed_at", document["destroyed_at"], destroyed),
            ("cdp.final_hash", document["final_hash"], .string(event.finalHash)),
            ("cdp.attestation.key_id", attestation?["key_id"], keyID),
            ("cdp.attestation.public_key", attestation?["public_key"], publicKey),
            ("cdp.attestation.signature", attestation?["signature"], .string(event.signature)),
            ("cdp.session_context.jurisdiction", context?["jurisdiction"], .string(session.jurisdiction.rawValue)),
            (
                "cdp.session_context.data_classification", context?["data_classification"],
                .string(session.dataClassification.rawValue)
            ),
            ("cdp.session_context.region", context?["region"], .string(session.region)),
            ("cdp.session_context.environment", context?["environment"], .string(session.environment.rawValue)),
            ("cdp.evidence[7].document.session_id", lifecycle?["session_id"], sessionID),
            ("cdp.evidence[7].document.customer_id", lifecycle?["customer_id"], .string(session.customerID.text)),
            ("cdp.evidence[7].document.created_at", lifecycle?["created_at"], created),
            ("cdp.evidence[7].document.destroyed_at", lifecycle?["destroyed_at"], destroyed),
            ("cdp.evidence[7].document.key_id", lifecycle?["key_id"], keyID),
            ("cdp.evidence[7].document.trigger", lifecycle?["trigger"], .string(trigger.rawValue)),
            ("cdp.evidence[7].document.exec_count", lifecycle?["exec_count"], .integer(session.execCount)),
        ]
    }
}
