import Crypto
import Foundation
import Merkle

/// The public half of a log key in the form of C2SP `signed-note`: `name+hex(key id)+base64(0x01 ‖ public key)`.
public struct VerifierKey: Sendable, Hashable, CustomStringConvertible {
    /// The algorithm byte of a plain Ed25519 note signature.
    static let ed25519: UInt8 = 1

    /// The key's name; for a log, its origin.
    public let name: String
    /// 32 bytes of Ed25519 public key.
    public let publicKey: [UInt8]

    /// - Returns: nil when the name is empty or holds a space, a `+` or a control character, or the key is not 32 bytes.
    public init?(name: String, publicKey: [UInt8]) {
        guard publicKey.count == 32, Self.isValid(name: name) else { return nil }
        self.name = name
        self.publicKey = publicKey
    }

    /// Reads the printed form; nil when anything in it is off, the key id included.
    public init?(_ text: String) {
        // Base64 may hold a `+` itself, so the fields are taken from the left: a name holds none.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let encoded = Data(base64Encoded: String(parts[2])), encoded.first == Self.ed25519,
            encoded.base64EncodedString() == parts[2]
        else { return nil }
        self.init(name: String(parts[0]), publicKey: Array(encoded.dropFirst()))
        guard keyIDHex == parts[1] else { return nil }
    }

    /// First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    public var keyID: [UInt8] {
        Array(SHA256.hash(data: Array(name.utf8) + [0x0A, Self.ed25519] + publicKey).prefix(4))
    }

    private var keyIDHex: String { keyID.lowerCaseHex }

    /// `name+hex(key id)+base64(0x01 ‖ public key)`.
    public var description: String {
        "\(name)+\(keyIDHex)+\(Data([Self.ed25519] + publicKey).base64EncodedString())"
    }

    /// Whether `signature` (64 bytes) over `message` was made by this key.
    public func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: message)
    }

    static func isValid(name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255
            && name.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && $0 != "+" && !$0.properties.isWhitespace
            }
    }
}
