/// An Ed25519 public key that is its own identifier: `did:key:z6Mk…` (W3C CCG, The did:key Method). Whoever sees it can
/// check what it signed without asking anybody.
public struct DIDKey: Sendable, Equatable {
    /// The multicodec number of an Ed25519 public key, as a varint.
    private static let codec: [UInt8] = [0xED, 0x01]
    private static let scheme = "did:key:"

    /// The 32 bytes of the key.
    public let publicKey: [UInt8]

    /// The identifier of a raw key; nil unless it has 32 bytes.
    public init?(publicKey: [UInt8]) {
        guard publicKey.count == 32 else { return nil }
        self.publicKey = publicKey
    }

    /// Reads exactly the form of ``text``; nil for anything else.
    public init?(_ text: String) {
        let multibase = text.dropFirst(Self.scheme.count)
        guard text.hasPrefix(Self.scheme), multibase.first == "z", let bytes = Base58.decode(multibase.dropFirst()),
            bytes.starts(with: Self.codec)
        else { return nil }
        self.init(publicKey: Array(bytes.dropFirst(Self.codec.count)))
        guard self.text == text else { return nil }
    }

    private var multibase: String { "z" + Base58.encode(Self.codec + publicKey) }

    /// `did:key:z6Mk…`.
    public var text: String { Self.scheme + multibase }

    /// The one verification method that such an identifier has.
    public var verificationMethod: String { "\(text)#\(multibase)" }
}
