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
        if event.keyID != key.id { return "key_id" }
        if event.publicKey != key.publicKey { return "public_key" }
        if event.trigger != trigger { return "trigger" }
        do throws(JSONError) { return try event.document.withTextView { firstMismatch(in: $0, of: event) } } catch {
            // It cannot be written, so nothing in it is what it should be.
            return "cdp"
        }
    }

    /// Each member is compared where it stands in the document.
    private func firstMismatch(in document: JSONView, of event: ProofIssued) -> String? {
        let texts = Texts(
            session: session.id.text, createdAt: session.createdAt.secondsText,
            destroyedAt: destroyedAt.secondsText, keyID: key.id.text)
        return firstMismatch(inHeadOf: document, of: event, texts)
            ?? firstMismatch(inContext: document.member("session_context"))
            ?? firstMismatch(inLifecycle: Self.lifecycle(of: document), texts)
    }

    /// What several members say.
    private struct Texts {
        let session: String
        let createdAt: String
        let destroyedAt: String
        let keyID: String
    }

    private func firstMismatch(inHeadOf document: JSONView, of event: ProofIssued, _ texts: Texts) -> String? {
        let attestation = document.member("attestation")
        if !says(document, "session_id", texts.session) { return "cdp.session_id" }
        if !says(document, "created_at", texts.createdAt) { return "cdp.created_at" }
        if !says(document, "destroyed_at", texts.destroyedAt) { return "cdp.destroyed_at" }
        if !says(document, "final_hash", event.finalHash) { return "cdp.final_hash" }
        if !says(attestation, "key_id", texts.keyID) { return "cdp.attestation.key_id" }
        if !says(attestation, "public_key", key.publicKey) { return "cdp.attestation.public_key" }
        if !says(attestation, "signature", event.signature) { return "cdp.attestation.signature" }
        return nil
    }

    private func firstMismatch(inContext context: JSONView?) -> String? {
        let path = "cdp.session_context."
        if !says(context, "jurisdiction", session.jurisdiction.rawValue) { return path + "jurisdiction" }
        if !says(context, "data_classification", session.dataClassification.rawValue) {
            return path + "data_classification"
        }
        if !says(context, "region", session.region) { return path + "region" }
        if !says(context, "environment", session.environment.rawValue) { return path + "environment" }
        return nil
    }

    private func firstMismatch(inLifecycle lifecycle: JSONView?, _ texts: Texts) -> String? {
        let path = "cdp.evidence[7].document."
        if !says(lifecycle, "session_id", texts.session) { return path + "session_id" }
        if !says(lifecycle, "customer_id", session.customerID.text) { return path + "customer_id" }
        if !says(lifecycle, "created_at", texts.createdAt) { return path + "created_at" }
        if !says(lifecycle, "destroyed_at", texts.destroyedAt) { return path + "destroyed_at" }
        if !says(lifecycle, "key_id", texts.keyID) { return path + "key_id" }
        if !says(lifecycle, "trigger", trigger.rawValue) { return path + "trigger" }
        if lifecycle?.member("exec_count")?.integer != session.execCount { return path + "exec_count" }
        return nil
    }

    /// Whether `object` is one, and its member called `name` is the string `text`, byte for byte.
    private func says(_ object: JSONView?, _ name: StaticString, _ text: String) -> Bool {
        object?.member(name)?.hasText(text) ?? false
    }

    /// The evidence document of step 8; nil unless there are eight.
    private static func lifecycle(of document: JSONView) -> JSONView? {
        guard let evidence = document.member("evidence") else { return nil }
        var (last, count): (JSONView?, Int) = (nil, 0)
        for element in evidence.elements { (last, count) = (element, count + 1) }
        return count == 8 ? last?.member("document") : nil
    }
}
