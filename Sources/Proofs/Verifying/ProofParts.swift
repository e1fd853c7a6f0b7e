import CanonicalJSON
import Merkle

/// The members of a proof outside its evidence documents, as far as they could be read.
struct ProofParts {
    /// One step of the chain.
    struct Link {
        var subsystem: String?
        var operation: String?
        var evidenceHash: Hash?
        var chainHash: Hash?
    }

    var sessionID: String?
    var createdAt: UTCSecond?
    var destroyedAt: UTCSecond?
    var chain: [Link] = []
    var finalHash: Hash?
    var publicKey: VerificationKey?
    var signature: [UInt8]?
    var signatureText: String?
    var keyID: String?
    /// The evidence documents in order; nil where there is none.
    var evidence: [JSONObject?] = []
    var regulatoryContext: JSONObject?
    var sessionContext: JSONObject?
}

extension ProofInspection {
    mutating func readParts(of document: JSONObject) -> ProofParts {
        var parts = ProofParts()
        var reader = MemberReader(document, called: "the document")
        if let attestation = reader.object("attestation") { readAttestation(attestation, into: &parts) }
        let version = reader.string("cdp_version")
        require(version?.hasSameBytes(as: "1.0") == true, .structure, "cdp_version is not 1.0")
        let chain = reader.array("chain") ?? []
        parts.createdAt = reader.second("created_at")
        parts.destroyedAt = reader.second("destroyed_at")
        let evidence = reader.array("evidence") ?? []
        parts.finalHash = reader.prefixedHash("final_hash")
        parts.regulatoryContext = reader.object("regulatory_context")
        parts.sessionContext = reader.object("session_context")
        parts.sessionID = reader.string("session_id")
        require(
            parts.sessionID.map(SessionID.isWellFormed) ?? true, .structure,
            "session_id is not sess_ and 32 lower-case hex digits")
        noteStructure(reader.finish())
        parts.chain.reserveCapacity(chain.count)
        for (index, link) in chain.enumerated() { parts.chain.append(readLink(link, index: index)) }
        parts.evidence.reserveCapacity(evidence.count)
        for (index, item) in evidence.enumerated() { parts.evidence.append(readEvidence(item, index: index)) }
        return parts
    }

    mutating func noteStructure(_ messages: [String]) {
        for message in messages { note(.structure, message) }
    }

    private mutating func readAttestation(_ attestation: JSONObject, into parts: inout ProofParts) {
        var reader = MemberReader(attestation, called: "attestation")
        let algorithm = reader.string("algorithm")
        require(algorithm?.hasSameBytes(as: "Ed25519") == true, .structure, "the algorithm is not Ed25519")
        parts.keyID = reader.string("key_id")
        parts.publicKey = reader.string("public_key").flatMap { VerificationKey(text: $0) }
        require(
            parts.publicKey != nil, .structure,
            "attestation.public_key is not base64: and the canonical base64 of an Ed25519 SubjectPublicKeyInfo")
        parts.signatureText = reader.string("signature")
        parts.signature = parts.signatureText.flatMap { PrefixedText.base64($0, count: 64) }
        require(
            parts.signature != nil, .structure,
            "attestation.signature is not base64: and the canonical base64 of 64 bytes")
        noteStructure(reader.finish())
    }

    private mutating func readLink(_ value: JSONValue, index: Int) -> ProofParts.Link {
        var link = ProofParts.Link()
        guard let object = value.object else {
            note(.structure, "chain[\(index)] is not an object")
            return link
        }
        var reader = MemberReader(object, called: "chain", index: index)
        link.chainHash = reader.prefixedHash("chain_hash")
        link.evidenceHash = reader.prefixedHash("evidence_hash")
        link.operation = reader.string("operation")
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "chain[\(index)].step is not \(index + 1)")
        link.subsystem = reader.string("subsystem")
        noteStructure(reader.finish())
        return link
    }

    private mutating func readEvidence(_ value: JSONValue, index: Int) -> JSONObject? {
        guard let object = value.object else {
            note(.structure, "evidence[\(index)] is not an object")
            return nil
        }
        var reader = MemberReader(object, called: "evidence", index: index)
        let document = reader.object("document")
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "evidence[\(index)].step is not \(index + 1)")
        noteStructure(reader.finish())
        return document
    }
}
