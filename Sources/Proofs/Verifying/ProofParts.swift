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
    var regulatoryContext: JSONValue?
    var sessionContext: JSONValue?
}

extension ProofInspection {
    mutating func readParts(of document: JSONObject) -> ProofParts {
        var parts = ProofParts()
        var reader = MemberReader(document, called: "the document")
        let version = reader.string("cdp_version")
        require(version?.utf8.elementsEqual("1.0".utf8) == true, .structure, "cdp_version is not 1.0")
        parts.sessionID = reader.string("session_id")
        require(
            parts.sessionID.map(SessionID.isWellFormed) ?? true, .structure,
            "session_id is not sess_ and 32 lower-case hex digits")
        parts.createdAt = reader.second("created_at")
        parts.destroyedAt = reader.second("destroyed_at")
        parts.finalHash = reader.prefixedHash("final_hash")
        let chain = reader.array("chain") ?? []
        let evidence = reader.array("evidence") ?? []
        if let attestation = reader.object("attestation") { readAttestation(attestation, into: &parts) }
        parts.regulatoryContext = reader.object("regulatory_context").map { .object($0) }
        parts.sessionContext = reader.object("session_context").map { .object($0) }
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
        require(algorithm?.utf8.elementsEqual("Ed25519".utf8) == true, .structure, "the algorithm is not Ed25519")
        parts.publicKey = reader.string("public_key").flatMap { VerificationKey(text: $0) }
        require(
            parts.publicKey != nil, .structure,
            "attestation.public_key is not base64: and the canonical base64 of an Ed25519 SubjectPublicKeyInfo")
        parts.signatureText = reader.string("signature")
        parts.signature = parts.signatureText.flatMap { text in
            text.utf8.starts(with: "base64:".utf8) ? CanonicalBase64.decode(text.utf8.dropFirst(7), count: 64) : nil
        }
        require(
            parts.signature != nil, .structure,
            "attestation.signature is not base64: and the canonical base64 of 64 bytes")
        parts.keyID = reader.string("key_id")
        noteStructure(reader.finish())
    }

    private mutating func readLink(_ value: JSONValue, index: Int) -> ProofParts.Link {
        var link = ProofParts.Link()
        guard let object = value.object else {
            note(.structure, "chain[\(index)] is not an object")
            return link
        }
        var reader = MemberReader(object, called: "chain", index: index)
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "chain[\(index)].step is not \(index + 1)")
        link.subsystem = reader.string("subsystem")
        link.operation = reader.string("operation")
        link.evidenceHash = reader.prefixedHash("evidence_hash")
        link.chainHash = reader.prefixedHash("chain_hash")
        noteStructure(reader.finish())
        return link
    }

    private mutating func readEvidence(_ value: JSONValue, index: Int) -> JSONObject? {
        guard let object = value.object else {
            note(.structure, "evidence[\(index)] is not an object")
            return nil
        }
        var reader = MemberReader(object, called: "evidence", index: index)
        let step = reader.count("step")
        require(step == Int64(index + 1), .structure, "evidence[\(index)].step is not \(index + 1)")
        let document = reader.object("document")
        noteStructure(reader.finish())
        return document
    }
}
