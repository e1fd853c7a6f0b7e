import CanonicalJSON
import Merkle

/// The members of a proof outside its evidence documents, as far as they could be read.
struct ProofParts {
    /// One step of the chain.
    struct Link {
        var subsystem: JSONView?
        var operation: JSONView?
        var evidenceHash: Hash?
        var chainHash: Hash?
    }

    var sessionID: JSONView?
    var createdAt: UTCSecond?
    var destroyedAt: UTCSecond?
    var chain: [Link] = []
    var finalHash: Hash?
    var publicKey: VerificationKey?
    var signature: [UInt8]?
    var signatureText: JSONView?
    var keyID: JSONView?
    /// The evidence documents in order; nil where there is none.
    var evidence: [JSONView?] = []
    var regulatoryContext: JSONView?
    var sessionContext: JSONView?
}

extension ProofInspection {
    mutating func readParts(of document: JSONView) -> ProofParts {
        var parts = ProofParts()
        var reader = MemberReader(document, called: "the document")
        if let attestation = reader.object("attestation") { readAttestation(attestation, into: &parts) }
        let version = reader.text("cdp_version")
        require(version?.hasText("1.0") == true, .structure, "cdp_version is not 1.0")
        var chain = reader.array("chain")
        parts.createdAt = reader.second("created_at")
        parts.destroyedAt = reader.second("destroyed_at")
        var evidence = reader.array("evidence")
        parts.finalHash = reader.prefixedHash("final_hash")
        parts.regulatoryContext = reader.object("regulatory_context")
        parts.sessionContext = reader.object("session_context")
        parts.sessionID = reader.text("session_id")
        require(
            parts.sessionID.map { $0.withText { SessionID.isWellFormed($0) } ?? false } ?? true, .structure,
            "session_id is not sess_ and 32 lower-case hex digits")
        noteStructure(reader.finish())
        parts.chain.reserveCapacity(Self.stepCount)
        while let link = chain?.next() { parts.chain.append(readLink(link, index: parts.chain.count)) }
        parts.evidence.reserveCapacity(Self.stepCount)
        while let item = evidence?.next() { parts.evidence.append(readEvidence(item, index: parts.evidence.count)) }
        return parts
    }

    mutating func noteStructure(_ messages: [String]) {
        for message in messages { note(.structure, message) }
    }

    private mutating func readAttestation(_ attestation: JSONView, into parts: inout ProofParts) {
        var reader = MemberReader(attestation, called: "attestation")
        let algorithm = reader.text("algorithm")
        require(algorithm?.hasText("Ed25519") == true, .structure, "the algorithm is not Ed25519")
        parts.keyID = reader.text("key_id")
        parts.publicKey = reader.text("public_key").flatMap { $0.withText { VerificationKey(characters: $0) } ?? nil }
        require(
            parts.publicKey != nil, .structure,
            "attestation.public_key is not base64: and the canonical base64 of an Ed25519 SubjectPublicKeyInfo")
        let signature = reader.text("signature")
        parts.signatureText = signature
        parts.signature = signature.flatMap { $0.withText { PrefixedText.base64($0, count: 64) } ?? nil }
        require(
            parts.signature != nil, .structure,
            "attestation.signature is not base64: and the canonical base64 of 64 bytes")
        noteStructure(reader.finish())
    }

    private mutating func readLink(_ value: JSONView, index: Int) -> ProofParts.Link {
        var link = ProofParts.Link()
        guard value.isObject else {
            note(.structure, "chain[\(index)] is not an object")
            return link
        }
        var reader = MemberReader(value, called: "chain", index: index)
        link.chainHash = reader.prefixedHash("chain_hash")
        link.evidenceHash = reader.prefixedHash("evidence_hash")
        link.operation = reader.text("operation")
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "chain[\(index)].step is not \(index + 1)")
        link.subsystem = reader.text("subsystem")
        noteStructure(reader.finish())
        return link
    }

    private mutating func readEvidence(_ value: JSONView, index: Int) -> JSONView? {
        guard value.isObject else {
            note(.structure, "evidence[\(index)] is not an object")
            return nil
        }
        var reader = MemberReader(value, called: "evidence", index: index)
        let document = reader.object("document")
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "evidence[\(index)].step is not \(index + 1)")
        noteStructure(reader.finish())
        return document
    }
}
