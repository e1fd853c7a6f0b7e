import CanonicalJSON
import Merkle

/// One run of the verifier over one document: reads it, recomputes it, and gathers what is wrong.
struct ProofInspection {
    /// Who does what in which step (docs/cdp.md), as the chain binds it.
    private static let steps: [(subsystem: StaticString, operation: StaticString)] = [
        (subsystem: "eee_namespace", operation: "environment_isolation"),
        (subsystem: "eee_tmpfs", operation: "filesystem_destruction"),
        (subsystem: "eee_memory", operation: "multipass_overwrite"),
        (subsystem: "dire_keys", operation: "key_zeroization"),
        (subsystem: "dire_identity", operation: "credential_incineration"),
        (subsystem: "fgx_forensic", operation: "merkle_zero_verification"),
        (subsystem: "rzl_audit", operation: "chain_integrity_seal"),
        (subsystem: "session_destroy", operation: "lifecycle_completion"),
    ]

    /// Number of steps of a destruction.
    static let stepCount = 8

    let acceptsMissingLayers: Bool
    private let hasMadeKey: (@Sendable (String, VerificationKey) -> Bool)?
    private var failures: [ProofVerification.Failure] = []
    // Where canonical forms are written that do not stand in the document as they are.
    private var scratch: [UInt8] = []

    init(acceptsMissingLayers: Bool, hasMadeKey: (@Sendable (String, VerificationKey) -> Bool)?) {
        self.acceptsMissingLayers = acceptsMissingLayers
        self.hasMadeKey = hasMadeKey
    }

    mutating func note(_ check: ProofVerification.Check, _ message: String) {
        failures.append(.init(check: check, message: message))
    }

    /// Notes `message` under `check` unless `holds`.
    mutating func require(_ holds: Bool, _ check: ProofVerification.Check, _ message: @autoclosure () -> String) {
        if !holds { note(check, message()) }
    }

    /// The SHA-256 of the canonical form of `object`: of its own bytes, where they are in that form already.
    mutating func canonicalHash(of object: JSONView) -> Hash {
        if let canonical = object.canonicalBytes { return Hash(of: UnsafeRawBufferPointer(canonical)) }
        scratch.removeAll(keepingCapacity: true)
        object.writeCanonical(to: &scratch)
        return Hash(of: scratch)
    }

    mutating func inspect(_ document: JSONView) -> ProofVerification {
        let parts = readParts(of: document)
        let documents = readDocuments(parts.evidence)
        checkEvidenceHashes(parts)
        let lastHash = recomputeChain(parts)
        require(
            lastHash != nil && parts.finalHash == lastHash, .finalHash, "final_hash is not the chain hash of step 8")
        checkSignature(parts)
        let claims = checkClaims(parts, documents)
        return ProofVerification(
            failures: failures, stepCount: parts.chain.count, layersMissing: documents.isolation?.layersMissing ?? [],
            claims: claims)
    }

    private mutating func checkEvidenceHashes(_ parts: ProofParts) {
        guard parts.evidence.count == Self.stepCount, parts.chain.count == Self.stepCount else {
            return note(
                .evidence, "\(parts.evidence.count) evidence documents for \(parts.chain.count) steps instead of 8 each"
            )
        }
        for (index, document) in parts.evidence.enumerated() {
            let hash = document.map { canonicalHash(of: $0) }
            require(
                hash != nil && hash == parts.chain[index].evidenceHash, .evidence,
                "the evidence of step \(index + 1) does not have the hash that the chain says")
        }
    }

    /// Recomputes the chain; returns the hash of its last step, nil when there are not exactly the eight.
    private mutating func recomputeChain(_ parts: ProofParts) -> Hash? {
        guard parts.chain.count == Self.stepCount else {
            note(.chainIntegrity, "the chain has \(parts.chain.count) steps instead of 8")
            return nil
        }
        var previous = TreeHasher.emptyRoot
        for (index, link) in parts.chain.enumerated() {
            let names = Self.steps[index]
            guard let subsystem = link.subsystem, let operation = link.operation, let evidence = link.evidenceHash,
                let stated = link.chainHash, let destroyedAt = parts.destroyedAt
            else {
                note(.chainIntegrity, "step \(index + 1) of the chain cannot be recomputed")
                return nil
            }
            require(
                subsystem.hasText(names.subsystem) && operation.hasText(names.operation),
                .chainIntegrity, "step \(index + 1) is not \(names.subsystem), \(names.operation)")
            previous = ChainMessage.hash(
                previous, subsystem: names.subsystem, operation: names.operation, evidence: evidence,
                destroyedAt: destroyedAt)
            require(previous == stated, .chainIntegrity, "the chain hash of step \(index + 1) does not follow")
        }
        return previous
    }

    private func isOwn(_ key: VerificationKey, _ parts: ProofParts) -> Bool {
        guard let hasMadeKey, let name = parts.keyID?.string else { return false }
        return hasMadeKey(name, key)
    }

    private mutating func checkSignature(_ parts: ProofParts) {
        guard let key = parts.publicKey, let signature = parts.signature, let finalHash = parts.finalHash else {
            return note(.signature, "the signature cannot be checked: key, signature or final hash is malformed")
        }
        guard isOwn(key, parts) || Sodium.isValidPoint(key.rawBytes) else {
            return note(.signature, "the public key is not a point of the prime-order group")
        }
        // R needs no point check of its own. libsodium accepts only when the canonical encoding of S·B − h·A equals the
        // bytes of R; with A in the prime-order group (just checked) that sum is in it too, and R of small order, the
        // identity included, is refused. So an R that passes here is a valid point; asking would cost half as much
        // again as the verification itself.
        require(
            Sodium.isSignature(signature, ofHexOf: finalHash, by: key.rawBytes), .signature,
            "the signature of the final hash does not hold under the public key")
    }
}
