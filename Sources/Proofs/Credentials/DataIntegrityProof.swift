public import CanonicalJSON
import Merkle

/// Why a credential cannot be believed.
public struct CredentialError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence: what is wrong.
    public let message: String
    /// Path of the member that is wrong.
    public let member: String
    public var description: String { "\(member): \(message)" }

    public init(_ member: String, _ message: String) {
        self.member = member
        self.message = message
    }
}

/// The proof of a credential, in the suite `eddsa-jcs-2022` (W3C Data Integrity EdDSA Cryptosuites 1.0, §3.3): an Ed25519
/// signature over the hashes of two canonical (RFC 8785) documents, the proof's own members and the credential.
///
/// ```swift
/// let signed = try DataIntegrityProof.sign(document, by: key, created: "2026-03-01T14:00:00Z") { try sign($0) }
/// let signer = try DataIntegrityProof.verify(signed)
/// ```
public enum DataIntegrityProof {
    private static let type = "DataIntegrityProof"
    private static let suite = "eddsa-jcs-2022"
    private static let purpose = "assertionMethod"

    /// `document` with a proof by `key`.
    ///
    /// - Parameters:
    ///   - created: RFC 3339, UTC.
    ///   - signature: makes the 64 bytes of the Ed25519 signature of a message.
    public static func sign<Failure: Error>(
        _ document: JSONObject, by key: DIDKey, created: String, signature: ([UInt8]) throws(Failure) -> [UInt8]
    ) throws(Failure) -> JSONObject {
        var document = document
        document["proof"] = nil
        var proof = JSONObject()
        if let context = document["@context"] { proof["@context"] = context }
        proof["type"] = .string(type)
        proof["cryptosuite"] = .string(suite)
        proof["created"] = .string(created)
        proof["verificationMethod"] = .string(key.verificationMethod)
        proof["proofPurpose"] = .string(purpose)
        let value = try signature(message(proof: proof, document: document))
        proof["proofValue"] = .string("z" + Base58.encode(value))
        document["proof"] = .object(proof)
        return document
    }

    /// Checks the proof of `credential`. About 70 µs and one hash over it.
    ///
    /// - Returns: the key that signed it, which the proof names itself; whether that is the issuer is the caller's to ask.
    /// - Throws: ``CredentialError`` naming the first member that is wrong.
    public static func verify(_ credential: JSONObject) throws(CredentialError) -> DIDKey {
        guard var proof = credential["proof"]?.object else {
            throw CredentialError("proof", "there must be one proof, an object")
        }
        for (name, expected) in [("type", type), ("cryptosuite", suite), ("proofPurpose", purpose)] {
            guard proof[name]?.string == expected else {
                throw CredentialError("proof.\(name)", "only \(expected) can be checked here")
            }
        }
        guard let method = proof["verificationMethod"]?.string,
            let key = DIDKey(String(method.prefix { $0 != "#" })), key.verificationMethod == method
        else {
            throw CredentialError(
                "proof.verificationMethod", "it must be a did:key with an Ed25519 key, like did:key:z6Mk…#z6Mk…")
        }
        guard let value = proof["proofValue"]?.string, value.first == "z",
            let signature = Base58.decode(value.dropFirst()), signature.count == 64
        else { throw CredentialError("proof.proofValue", "it must be 64 bytes in base58 behind a z") }
        var document = credential
        document["proof"] = nil
        try checkContext(of: proof, in: document)
        proof["proofValue"] = nil
        guard Sodium.isSignature(signature, of: message(proof: proof, document: document), by: key.publicKey) else {
            throw CredentialError("proof.proofValue", "the signature does not fit the credential")
        }
        return key
    }

    /// The document must mean by its names what the proof says they mean (§3.3.2, step 6).
    private static func checkContext(of proof: JSONObject, in document: JSONObject) throws(CredentialError) {
        guard let signed = proof["@context"] else { return }
        let (one, other) = (list(signed), list(document["@context"]))
        guard other.count >= one.count, zip(one, other).allSatisfy({ $0.canonicalBytes == $1.canonicalBytes }) else {
            throw CredentialError("proof.@context", "the credential's @context does not begin with the proof's")
        }
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] { value.map { $0.array ?? [$0] } ?? [] }

    private static func message(proof: JSONObject, document: JSONObject) -> [UInt8] {
        Hash(of: JSONValue.object(proof).canonicalBytes).bytes
            + Hash(of: JSONValue.object(document).canonicalBytes).bytes
    }
}
