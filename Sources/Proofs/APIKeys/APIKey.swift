import CSodium
public import Merkle

/// A secret API key in the form all dialects share: a prefix, 32 random bytes in base62 (43 characters), and a
/// CRC-32 of all that (6 characters), so that a mistyped key is refused without a look-up and a secret scanner can
/// recognise a leaked one.
///
/// ```swift
/// let key = try APIKey(prefix: .nanorixLive, secret: thirtyTwoRandomBytes)
/// key.text              // shown to its owner once, stored nowhere
/// key.storedHash        // what is stored
/// key.displayPrefix     // "nrx_live_a1b2"
/// let presented = try APIKey(parsing: header)
/// ```
///
/// Describes itself by its display prefix only, so that it cannot slip into a log.
public struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Which dialect and environment a key was made for.
    public enum Prefix: String, Sendable, CaseIterable {
        case nanorixLive = "nrx_live_"
        case nanorixTest = "nrx_test_"
        case nanda = "nanda_"
        case nexora = "nxr_"
        case nanoTermLive = "nt_live_"
        case nanoTermTest = "nt_test_"
        case nurosentrixLive = "nsx_live_"
        case nurosentrixTest = "nsx_test_"

        /// Whether keys with this prefix see live or test data; the dialects without a mark have live keys only.
        public var environment: KeyEnvironment {
            switch self {
            case .nanorixTest, .nanoTermTest, .nurosentrixTest: .test
            case .nanorixLive, .nanda, .nexora, .nanoTermLive, .nurosentrixLive: .live
            }
        }

        /// Characters of the key that may be shown for ever: 12 in Nexora's dialect, else the prefix and four more.
        var displayCharacters: Int { self == .nexora ? 12 : rawValue.utf8.count + 4 }
    }

    /// Bytes of the secret.
    public static let secretBytes = 32
    /// Characters of the checksum.
    private static let checksumCharacters = 6

    /// Which dialect and environment the key was made for.
    public let prefix: Prefix
    /// The whole key. A secret: to be shown to its owner once and never stored or logged.
    public let text: String

    /// The key of 32 random bytes, which the caller draws from the system's generator.
    ///
    /// - Throws: ``ProofError/Code/invalidInput`` unless there are exactly 32.
    public init(prefix: Prefix, secret: [UInt8]) throws(ProofError) {
        guard secret.count == Self.secretBytes else {
            throw ProofError(.invalidInput, "an API key has \(Self.secretBytes) secret bytes, not \(secret.count)")
        }
        let body = Array(prefix.rawValue.utf8) + Base62.encode(secret)
        self.prefix = prefix
        self.text = String(decoding: body + Self.checksum(of: body), as: UTF8.self)
    }

    /// Reads a key as somebody presents it; about a microsecond, no look-up.
    ///
    /// - Parameter meanwhile: called once the form is known to be right and before the checksum is computed: for work that
    ///   another part of the processor does.
    /// - Throws: ``ProofError/Code/invalidInput`` for anything that ``init(prefix:secret:)`` could not have made: another
    ///   prefix, length or alphabet, a wrong checksum, a number beyond 32 bytes. The message never holds the text.
    public init(parsing text: String, meanwhile: () -> Void = {}) throws(ProofError) {
        let characters = Array(text.utf8)
        guard let prefix = Prefix.allCases.first(where: { characters.starts(with: $0.rawValue.utf8) }) else {
            throw ProofError(.invalidInput, "this is not an API key: it has none of the known prefixes")
        }
        let bodyStart = prefix.rawValue.utf8.count
        let checksumStart = bodyStart + Base62.charactersOf32Bytes
        guard characters.count == checksumStart + Self.checksumCharacters else {
            throw ProofError(.invalidInput, "the API key is too short or too long; copy it whole")
        }
        let isNumber = Base62.is32Bytes(characters[bodyStart..<checksumStart])
        if isNumber { meanwhile() }
        guard isNumber, characters[checksumStart...].elementsEqual(Self.checksum(of: characters[..<checksumStart]))
        else { throw ProofError(.invalidInput, "the API key's checksum is wrong; copy it again") }
        self.prefix = prefix
        self.text = text
    }

    /// SHA-256 of the whole key: the form in which a key is stored and looked up.
    public var storedHash: Hash { Self.storedHash(of: text) }

    /// The same of a text that may turn out to be no key.
    public static func storedHash(of text: String) -> Hash { Hash(of: Array(text.utf8)) }

    /// Whether two stored hashes are equal, in a time that does not depend on where they differ.
    public static func areSame(_ left: Hash, _ right: Hash) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                sodium_memcmp(left.baseAddress, right.baseAddress, Hash.byteCount) == 0
            }
        }
    }

    /// The beginning of the key, enough for its owner to tell it from others.
    public var displayPrefix: String { String(text.prefix(prefix.displayCharacters)) }

    /// The display prefix and an ellipsis, never the key.
    public var description: String { displayPrefix + "…" }

    /// Same as ``description``.
    public var debugDescription: String { description }

    private static func checksum(of bytes: some Sequence<UInt8>) -> [UInt8] {
        Base62.encode(CRC32.checksum(of: bytes), width: checksumCharacters)
    }
}
