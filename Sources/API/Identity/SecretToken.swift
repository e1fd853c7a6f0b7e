import Merkle
import Proofs

/// A token that is shown once and stored as a hash: of an invitation, or to set another password. 32 random bytes behind a
/// prefix that secret scanners can recognise.
struct SecretToken: Sendable, CustomStringConvertible {
    enum Kind: String, Sendable {
        case invitation = "nrx_invite_"
        case passwordReset = "nrx_reset_"
    }

    private static let secretBytes = 32

    /// A secret: shown once.
    let text: String
    let kind: Kind

    /// A fresh one from the system's generator.
    init(_ kind: Kind) {
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<Self.secretBytes).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        self.kind = kind
        text = kind.rawValue + digits.joined()
    }

    /// What somebody presents; nil when it cannot be one.
    init?(_ kind: Kind, parsing text: String) {
        let body = text.utf8.dropFirst(kind.rawValue.utf8.count)
        guard text.hasPrefix(kind.rawValue), body.count == 2 * Self.secretBytes,
            body.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.kind = kind
        self.text = text
    }

    /// What is stored.
    var sha256: Hash { Hash(of: Array(text.utf8)) }

    var description: String { kind.rawValue + "…" }
}
