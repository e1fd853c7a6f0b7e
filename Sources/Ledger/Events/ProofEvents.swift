public import Proofs
public import CanonicalJSON
import Merkle

/// The public key that will sign a session's proof, published before the proof exists. Stream: the full session id.
public struct VerificationKeyPublished: EventPayload {
    public static let type = "verification_key.published"
    public static let version = 1
    /// The only algorithm of CDP 1.0.
    public static let algorithm = "Ed25519"

    public var keyID: VerificationKeyID
    /// `base64:` and the DER SubjectPublicKeyInfo, exactly as the proof shows it.
    public var publicKey: String

    public init(keyID: VerificationKeyID, publicKey: String) {
        self.keyID = keyID
        self.publicKey = publicKey
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        _ = try reader.parsed("algorithm") { $0 == Self.algorithm ? $0 : nil }
        keyID = try reader.parsedBytes("key_id") { VerificationKeyID(utf8: $0) }
        publicKey = try reader.parsed("public_key", ProofForms.publicKey)
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("algorithm", Self.algorithm)
        members.add("key_id", keyID.text)
        members.add("public_key", publicKey)
    }
}

/// The proof of a session's destruction, whole. Stream: the session; the event before it is the session's end.
public struct ProofIssued: EventPayload {
    public static let type = "proof.issued"
    public static let version = 1

    /// The whole document as it is handed out (docs/cdp.md).
    public var document: JSONObject
    /// `sha256:` and 64 hex digits.
    public var finalHash: String
    public var keyID: VerificationKeyID
    /// `base64:` and the DER SubjectPublicKeyInfo.
    public var publicKey: String
    /// `base64:` and 64 bytes.
    public var signature: String
    public var trigger: DestructionTrigger

    public init(
        document: JSONObject, finalHash: String, keyID: VerificationKeyID, publicKey: String, signature: String,
        trigger: DestructionTrigger
    ) {
        self.document = document
        self.finalHash = finalHash
        self.keyID = keyID
        self.publicKey = publicKey
        self.signature = signature
        self.trigger = trigger
    }

    /// The event of the proof `document`: every other member is taken from the document itself.
    ///
    /// - Throws: ``PayloadError`` naming the member that the document lacks.
    public init(document: JSONObject) throws(PayloadError) {
        let attestation = document["attestation"]
        self.document = document
        finalHash = try Self.text(document["final_hash"], "cdp.final_hash", ProofForms.finalHash)
        keyID = try Self.text(attestation?["key_id"], "cdp.attestation.key_id", VerificationKeyID.init)
        publicKey = try Self.text(attestation?["public_key"], "cdp.attestation.public_key", ProofForms.publicKey)
        signature = try Self.text(attestation?["signature"], "cdp.attestation.signature", ProofForms.signature)
        trigger = try Self.text(
            Self.lifecycle(of: document)?["trigger"], "cdp.evidence[7].document.trigger",
            DestructionTrigger.init(rawValue:))
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        document = try reader.object("cdp")
        finalHash = try reader.parsed("final_hash", ProofForms.finalHash)
        keyID = try reader.parsedBytes("key_id") { VerificationKeyID(utf8: $0) }
        publicKey = try reader.parsed("public_key", ProofForms.publicKey)
        signature = try reader.parsed("signature", ProofForms.signature)
        trigger = try reader.parsed("trigger", DestructionTrigger.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("cdp", .object(document))
        members.add("final_hash", finalHash)
        members.add("key_id", keyID.text)
        members.add("public_key", publicKey)
        members.add("signature", signature)
        members.add("trigger", trigger.rawValue)
    }

    /// The evidence document of step 8 (`lifecycle_completion`), which repeats who, when and why.
    public static func lifecycle(of document: JSONObject) -> JSONObject? {
        guard let evidence = document["evidence"]?.array, evidence.count == 8 else { return nil }
        return evidence[7]["document"]?.object
    }

    private static func text<Result>(
        _ value: JSONValue?, _ path: String, _ parse: (String) -> Result?
    ) throws(PayloadError) -> Result {
        guard let text = value?.string else { throw PayloadError(path, .missing) }
        guard let result = parse(text) else { throw PayloadError(path, .notAllowed) }
        return result
    }
}

/// The outer forms of a proof's texts; what they mean is for the proof's verifier.
enum ProofForms {
    static func publicKey(_ text: String) -> String? { base64(text, byteGroups: 15, startingWith: "MCowBQYDK2Vw") }

    static func signature(_ text: String) -> String? { base64(text, byteGroups: 22, startingWith: "") }

    static func finalHash(_ text: String) -> String? {
        let prefix = "sha256:"
        var copy = text
        let isRight = copy.withUTF8 { bytes in
            bytes.count == prefix.utf8.count + 64 && bytes.starts(with: prefix.utf8)
                && Hash(hexCharacters: UnsafeBufferPointer(rebasing: bytes[prefix.utf8.count...])) != nil
        }
        return isRight ? text : nil
    }

    /// `base64:` and as many groups of four characters.
    private static func base64(_ text: String, byteGroups: Int, startingWith start: String) -> String? {
        var copy = text
        let isRight = copy.withUTF8 { bytes in
            let prefix = "base64:"
            guard bytes.count == prefix.utf8.count + byteGroups * 4, bytes.starts(with: prefix.utf8) else {
                return false
            }
            let encoded = UnsafeBufferPointer(rebasing: bytes[prefix.utf8.count...])
            return encoded.starts(with: start.utf8) && CanonicalBase64.isCanonical(encoded)
        }
        return isRight ? text : nil
    }
}
