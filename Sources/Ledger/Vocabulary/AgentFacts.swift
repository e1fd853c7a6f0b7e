public import CanonicalJSON
public import Proofs

/// A credential about an agent whose proof was checked: a W3C Verifiable Credential that its issuer signed. There is no
/// other way to make one, so the log holds no other.
public struct AgentFacts: Sendable, Equatable {
    static let contexts = ["https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"]
    static let types = ["VerifiableCredential", "AgentFactsCredential"]

    public let credential: JSONObject

    /// Checks form and proof; about 70 µs.
    ///
    /// - Parameter agent: whom it must be about.
    /// - Throws: ``CredentialError`` naming the member that is wrong.
    public init(_ credential: JSONObject, about agent: AgentName) throws(CredentialError) {
        try Self.checkForm(of: credential, about: agent)
        let signer = try DataIntegrityProof.verify(credential)
        let issuer = credential["issuer"].flatMap { $0.string ?? $0["id"]?.string }
        guard issuer == signer.text else {
            throw CredentialError("issuer", "the credential is not signed by its issuer, but by \(signer.text)")
        }
        self.credential = credential
    }

    /// - Throws: ``CredentialError`` naming the first member without which it is no credential about `agent`.
    private static func checkForm(of credential: JSONObject, about agent: AgentName) throws(CredentialError) {
        guard let context = credential["@context"]?.array?.first?.string, contexts.contains(context) else {
            throw CredentialError("@context", "it must be an array that begins with \(contexts[0])")
        }
        let present = credential["type"]?.array?.compactMap(\.string) ?? []
        guard types.allSatisfy(present.contains) else {
            throw CredentialError("type", "it must hold \(types.joined(separator: " and "))")
        }
        guard credential["credentialSubject"]?["id"]?.string == agent.did else {
            throw CredentialError("credentialSubject.id", "it must be \(agent.did)")
        }
        guard credential["issuanceDate"]?.string != nil || credential["validFrom"]?.string != nil else {
            throw CredentialError("issuanceDate", "it must say when the credential was issued")
        }
        guard JSONValue.object(credential).canonicalBytes.count <= AgentLimits.factsBytesMax else {
            throw CredentialError("credentialSubject", "a credential has at most \(AgentLimits.factsBytesMax) bytes")
        }
    }

    /// A credential about `agent` that this node issues and signs.
    ///
    /// - Parameters:
    ///   - subject: what it says; `id` is set.
    ///   - at: RFC 3339, UTC.
    /// - Throws: ``CredentialError`` when it would be too long, or what `signature` throws.
    public static func issue(
        subject: JSONObject, about agent: AgentName, by key: DIDKey, at: String,
        signature: ([UInt8]) throws(CredentialError) -> [UInt8]
    ) throws(CredentialError) -> AgentFacts {
        var subject = subject
        subject["id"] = .string(agent.did)
        var document = JSONObject()
        document["@context"] = [.string(contexts[0]), "https://w3id.org/security/data-integrity/v2"]
        document["type"] = .array(types.map { .string($0) })
        document["issuer"] = .string(key.text)
        document["issuanceDate"] = .string(at)
        document["credentialSubject"] = .object(subject)
        return try AgentFacts(
            try DataIntegrityProof.sign(document, by: key, created: at, signature: signature), about: agent)
    }
}
