import CSodium
public import Merkle

/// The public half of the key pair that signed one session's proof.
///
/// ```swift
/// VerificationKey(text: "base64:MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
/// ```
public struct VerificationKey: Sendable, Hashable {
    /// DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410 §4).
    static let spkiPrefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]

    /// The 32 bytes of the Ed25519 public key.
    public let rawBytes: [UInt8]

    /// The key whose raw form is `rawBytes`; nil unless there are exactly 32.
    public init?(rawBytes: [UInt8]) {
        guard rawBytes.count == Int(crypto_sign_ed25519_PUBLICKEYBYTES) else { return nil }
        self.rawBytes = rawBytes
    }

    /// Reads exactly the form of ``text``; nil for anything else.
    public init?(text: String) {
        var text = text
        guard let key = text.withUTF8({ Self(characters: $0) }) else { return nil }
        self = key
    }

    /// Same, of the text's UTF-8.
    init?(characters: UnsafeBufferPointer<UInt8>) {
        let prefix = Self.spkiPrefix
        guard let spki = PrefixedText.base64(characters, count: prefix.count + 32), spki.starts(with: prefix) else {
            return nil
        }
        rawBytes = Array(spki[prefix.count...])
    }

    /// The 44 bytes of the DER SubjectPublicKeyInfo, which `openssl pkey -pubin -inform DER` reads.
    public var spki: [UInt8] { Self.spkiPrefix + rawBytes }

    /// `base64:` and ``spki``, as proofs, events and `GET /v1/keys/:id` carry it.
    public var text: String { "base64:" + CanonicalBase64.encode(spki) }

    /// SHA-256 of ``spki``.
    public var spkiSHA256: Hash { Hash(of: spki) }

    /// Whether `signature` is this key's Ed25519 signature of `message`: one bare libsodium verification (about 67 µs).
    public func verifies(signature: [UInt8], of message: [UInt8]) -> Bool {
        Sodium.isSignature(signature, of: message, by: rawBytes)
    }
}

/// The name of a session's verification key.
enum VerificationKeyName {
    /// `nrx-verify-`, `destroyedAt` as `YYYYMMDDTHHMMSSZ`, `-`, the first 8 hex characters of the session's id.
    ///
    /// Two sessions can agree in both; then the later one takes the next second (docs/cdp.md).
    ///
    /// - Throws: ``ProofError/Code/invalidInput`` when `sessionID` is not `sess_` and 32 lower-case hex digits.
    static func text(sessionID: String, destroyedAt: UTCSecond) throws(ProofError) -> String {
        guard SessionID.isWellFormed(sessionID) else {
            throw ProofError(.invalidInput, "a session id must be sess_ and 32 lower-case hex digits")
        }
        return "nrx-verify-\(destroyedAt.compactText)-\(sessionID.dropFirst(5).prefix(8))"
    }
}

/// The form of a session's id.
enum SessionID {
    static func isWellFormed(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isWellFormed($0) }
    }

    /// Same, of the text's UTF-8.
    static func isWellFormed(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        text.count == 37 && text.starts(with: "sess_".utf8)
            && text[5...].allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
