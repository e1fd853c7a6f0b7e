import Crypto

/// 32 bytes of SHA-256 output.
public struct Hash: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Length in bytes.
    public static let byteCount = 32

    /// All bits zero.
    public static let zero = Hash()

    private init() { words = (0, 0, 0, 0) }

    /// The hash whose bytes are `bytes`; nil unless there are exactly 32.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init()
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    init(_ digest: SHA256Digest) {
        self.init()
        withUnsafeMutableBytes(of: &words) { target in digest.withUnsafeBytes { target.copyMemory(from: $0) } }
    }

    /// SHA-256 of `bytes`.
    public init(of bytes: UnsafeRawBufferPointer) {
        var function = SHA256()
        function.update(bufferPointer: bytes)
        self.init(function.finalize())
    }

    /// SHA-256 of `bytes`.
    public init(of bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Hash(of: $0) }
    }

    /// Calls `body` with the 32 bytes in place.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Swift.withUnsafeBytes(of: words, body)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    public static func == (left: Hash, right: Hash) -> Bool {
        left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
            && left.words.3 == right.words.3
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension Hash: CustomStringConvertible {
    /// 64 lower-case hex characters.
    public var hex: String { bytes.lowerCaseHex }

    public var description: String { hex }

    /// The hash that 64 lower-case hex characters spell; nil for anything else.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, let bytes = [UInt8](lowerCaseHex: hex) else { return nil }
        self.init(bytes: bytes)
    }
}

extension [UInt8] {
    /// Two lower-case hex characters a byte.
    public var lowerCaseHex: String {
        let digits = Array("0123456789abcdef".utf8)
        var output: [UInt8] = []
        output.reserveCapacity(count * 2)
        for byte in self {
            output.append(digits[Int(byte >> 4)])
            output.append(digits[Int(byte & 15)])
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes that `text` spells in lower-case hex; nil when it is anything else.
    public init?(lowerCaseHex text: some StringProtocol) {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = Self.nibble(characters[index]), let low = Self.nibble(characters[index + 1]) else {
                return nil
            }
            append(high << 4 | low)
        }
    }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
