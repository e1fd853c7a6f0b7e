public import CanonicalJSON
public import Merkle

/// A finished Cryptographic Destruction Proof, format 1.0 (docs/cdp.md).
///
/// Made only by ``ProofDraft/seal(at:with:)``, which lets nothing out that ``ProofVerifier`` does not accept.
public struct DestructionProof: Sendable, Equatable {
    /// The whole document.
    public let document: JSONValue
    /// The session whose destruction it proves.
    public let sessionID: String
    /// The name under which the public key is published.
    public let keyID: String
    /// The public half of the key that signed it.
    public let publicKey: VerificationKey
    /// The chain hash of step 8, which is signed.
    public let finalHash: Hash
    /// `base64:` and the 64 bytes of the Ed25519 signature.
    public let signatureText: String

    /// `sha256:` and ``finalHash`` in hex, as the document has it.
    public var finalHashText: String { "sha256:" + finalHash.hex }

    /// The document as RFC 8785 writes it: one line, no white space.
    public var canonicalBytes: [UInt8] { document.canonicalBytes }

    /// The document's `regulatory_context`.
    public var regulatoryContext: JSONValue { document["regulatory_context"] ?? .null }

    /// The document's `session_context`.
    public var sessionContext: JSONValue { document["session_context"] ?? .null }
}
