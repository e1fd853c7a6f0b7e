public import CanonicalJSON
import Merkle

/// A destruction proof before the log has sealed it: everything is known but the head of the log (step 7).
///
/// The order of docs/cdp.md: measure steps 1 to 6, take the time, make the key pair, draft, append the key's event
/// durably, then seal, append the proof's event durably, and only then hand the proof out.
///
/// ```swift
/// let signer = try ProofSigner()
/// let draft = try ProofDraft(session: session, evidence: evidence, destroyedAt: now, publicKey: signer.publicKey)
/// let head = try await log.append(keyEvent(draft.keyID, draft.publicKey.text))
/// let proof = try draft.seal(at: head, with: signer)
/// ```
public struct ProofDraft: Sendable {
    /// The session whose destruction is to be proven.
    public let session: DestroyedSession
    /// What was measured.
    public let evidence: DestructionEvidence
    /// When the destruction was complete.
    public let destroyedAt: UTCSecond
    /// The public half of the key that will sign.
    public let publicKey: VerificationKey
    /// The name under which the public key is to be published.
    public let keyID: String
    private let regulatoryContext: JSONValue

    /// - Parameters:
    ///   - destroyedAt: when the destruction was complete; not before the session's creation.
    ///   - publicKey: the public half of the signer that will seal this draft.
    ///   - regulatoryContext: what the proof says of provisions; nil takes it from ``RegulatoryTable/bundled()`` by the
    ///     session's jurisdiction and classification.
    /// - Throws: ``ProofError/Code/uncleanDestruction`` when the evidence does not show a clean destruction,
    ///   ``ProofError/Code/invalidInput`` when something does not fit the format.
    public init(
        session: DestroyedSession, evidence: DestructionEvidence, destroyedAt: UTCSecond, publicKey: VerificationKey,
        regulatoryContext: JSONValue? = nil
    ) throws(ProofError) {
        let reasons = evidence.uncleanReasons
        guard reasons.isEmpty else {
            throw ProofError(.uncleanDestruction, reasons.joined(separator: "; ") + ": the session ended uncleanly")
        }
        guard destroyedAt >= session.createdAt else {
            throw ProofError(.invalidInput, "destroyed_at \(destroyedAt) lies before created_at \(session.createdAt)")
        }
        self.session = session
        self.evidence = evidence
        self.destroyedAt = destroyedAt
        self.publicKey = publicKey
        self.keyID = try VerificationKeyName.text(sessionID: session.sessionID, destroyedAt: destroyedAt)
        if let regulatoryContext {
            self.regulatoryContext = regulatoryContext
        } else {
            self.regulatoryContext = try RegulatoryTable.bundled().context(for: session.context)
        }
    }

    /// Completes the evidence with the log's head, chains it, signs the final hash, and zeroes the private key.
    ///
    /// The finished document is read back by ``ProofVerifier`` before it is returned. About 200 µs.
    ///
    /// - Parameters:
    ///   - head: a durable state of the log that holds every event of the session so far and the key's.
    ///   - signer: the pair whose public half the draft was made with; it ends here.
    /// - Throws: ``ProofError/Code/invalidInput`` for another signer, ``ProofError/Code/keyNotZeroed``,
    ///   ``ProofError/Code/builtProofInvalid``.
    public func seal(at head: LogHead, with signer: consuming ProofSigner) throws(ProofError) -> DestructionProof {
        guard signer.publicKey == publicKey else {
            throw ProofError(.invalidInput, "the draft was made for another key pair than the one it is sealed with")
        }
        let documents = evidenceDocuments(head: head)
        let chain = EvidenceChain(documents: documents, destroyedAt: destroyedAt)
        let signature = try signer.sign(Array(chain.finalHash.hex.utf8))
        let signatureText = "base64:" + CanonicalBase64.encode(signature)
        let proof = DestructionProof(
            document: wholeDocument(documents: documents, chain: chain, signatureText: signatureText),
            sessionID: session.sessionID, keyID: keyID, publicKey: publicKey, finalHash: chain.finalHash,
            signatureText: signatureText)
        try Self.readBack(proof)
        return proof
    }

    /// The eight evidence documents in order.
    private func evidenceDocuments(head: LogHead) -> [JSONValue] {
        [
            evidence.isolation.document, evidence.fileSystem.document, evidence.overwrite.document,
            evidence.key.document, evidence.credentials.document, evidence.zeroTree.document, head.document,
            completionDocument,
        ]
    }

    /// Step 8, `session_destroy` / `lifecycle_completion`, which binds everything the chain does not.
    private var completionDocument: JSONValue {
        [
            "cdp_version": .string(DestructionProof.version),
            "session_id": .string(session.sessionID),
            "customer_id": .string(session.customerID),
            "created_at": .string(session.createdAt.text),
            "destroyed_at": .string(destroyedAt.text),
            "key_id": .string(keyID),
            "public_key_sha256": .string(publicKey.spkiSHA256.hex),
            "trigger": .string(session.trigger.rawValue),
            "exec_count": .integer(session.execCount),
            "regulatory_context_sha256": .string(Hash(of: regulatoryContext.canonicalBytes).hex),
            "session_context_sha256": .string(Hash(of: session.context.document.canonicalBytes).hex),
        ]
    }

    private func wholeDocument(documents: [JSONValue], chain: EvidenceChain, signatureText: String) -> JSONValue {
        [
            "cdp_version": .string(DestructionProof.version),
            "session_id": .string(session.sessionID),
            "created_at": .string(session.createdAt.text),
            "destroyed_at": .string(destroyedAt.text),
            "chain": .array(chain.links.map(\.document)),
            "final_hash": .string("sha256:" + chain.finalHash.hex),
            "attestation": [
                "algorithm": "Ed25519", "public_key": .string(publicKey.text), "signature": .string(signatureText),
                "key_id": .string(keyID),
            ],
            "evidence": .array(
                documents.enumerated().map { ["step": .integer(Int64($0.offset + 1)), "document": $0.element] }),
            "regulatory_context": regulatoryContext,
            "session_context": session.context.document,
        ]
    }

    private static func readBack(_ proof: DestructionProof) throws(ProofError) {
        let verification: ProofVerification
        do {
            verification = try ProofVerifier(acceptsMissingLayers: true).verify(proof.canonicalBytes)
        } catch { throw ProofError(.builtProofInvalid, error.message) }
        guard verification.isValid else {
            throw ProofError(.builtProofInvalid, verification.failures.map(\.message).joined(separator: "; "))
        }
    }
}

extension DestructionProof {
    /// The `cdp_version` of this format.
    static let version = "1.0"
}
