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

    /// The hash that `write` puts into 32 bytes.
    init(_ write: (UnsafeMutablePointer<UInt8>) -> Void) {
        self.init()
        withUnsafeMutablePointer(to: &words) { words in
            words.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount) { write($0) }
        }
    }

    /// SHA-256 of `bytes`.
    public init(of bytes: UnsafeRawBufferPointer) {
        self = ProcessorSHA256.isAvailable ? ProcessorSHA256.hash(bytes) : LibrarySHA256.hash(bytes)
    }

    /// SHA-256 of `bytes`.
    public init(of bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Hash(of: $0) }
    }

    /// Calls `body` with the 32 bytes in place.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Swift.withUnsafeBytes(of: words, body)
    }

    /// Same, as C wants them.
    func withBytePointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        withUnsafePointer(to: words) { words in
            words.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount) { body($0) }
        }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// Whether all 32 bytes are equal.
    public static func == (left: Hash, right: Hash) -> Bool {
        left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
            && left.words.3 == right.words.3
    }

    /// The bytes are uniformly distributed already; eight of them suffice.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension Hash: CustomStringConvertible {
    /// 64 lower-case hex characters.
    public var hex: String {
        String(unsafeUninitializedCapacity: 64) { buffer in
            withUnsafeBytes { LowerCaseHex.write($0, to: UnsafeMutableRawBufferPointer(buffer)) }
            return 64
        }
    }

    /// Writes the 64 characters of ``hex``, as ASCII, to as many bytes.
    package func writeHex(to output: UnsafeMutableRawBufferPointer) {
        withUnsafeBytes { LowerCaseHex.write($0, to: output) }
    }

    /// Same as ``hex``.
    public var description: String { hex }

    /// The hash that 64 lower-case hex characters spell; nil for anything else.
    public init?(hex: some StringProtocol) {
        self.init()
        let isRead = withUnsafeMutableBytes(of: &words) { LowerCaseHex.read(hex, into: $0) }
        guard isRead else { return nil }
    }

    /// The hash that 64 lower-case hex characters, as ASCII, spell; nil for anything else.
    package init?(hexCharacters: UnsafeBufferPointer<UInt8>) {
        self.init()
        let isRead = withUnsafeMutableBytes(of: &words) { LowerCaseHex.read(hexCharacters, into: $0) }
        guard isRead else { return nil }
    }
}

extension [UInt8] {
    /// Two lower-case hex characters a byte.
    public var lowerCaseHex: String {
        String(unsafeUninitializedCapacity: count * 2) { buffer in
            withUnsafeBytes { LowerCaseHex.write($0, to: UnsafeMutableRawBufferPointer(buffer)) }
            return count * 2
        }
    }

    /// The bytes that `text` spells in lower-case hex; nil when it is anything else.
    public init?(lowerCaseHex text: some StringProtocol) {
        let digits = text.utf8.count
        guard digits.isMultiple(of: 2) else { return nil }
        var bytes = [UInt8](repeating: 0, count: digits / 2)
        guard bytes.withUnsafeMutableBytes({ LowerCaseHex.read(text, into: $0) }) else { return nil }
        self = bytes
    }
}

/// Lower-case hex and nothing else: an upper-case digit is not read.
private enum LowerCaseHex {
    private static let digits: StaticString = "0123456789abcdef"

    static func write(_ bytes: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) {
        let digits = digits.utf8Start
        for index in 0..<bytes.count {
            output[index &* 2] = digits[Int(bytes[index] >> 4)]
            output[index &* 2 &+ 1] = digits[Int(bytes[index] & 15)]
        }
    }

    /// Fills `output` from twice as many digits; false when there are more or fewer, or one of them is not a digit.
    static func read(_ digits: some StringProtocol, into output: UnsafeMutableRawBufferPointer) -> Bool {
        if let isRead = digits.utf8.withContiguousStorageIfAvailable({ read($0, into: output) }) { return isRead }
        return Array(digits.utf8).withUnsafeBufferPointer { read($0, into: output) }
    }

    /// Same, of ASCII characters.
    static func read(_ digits: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableRawBufferPointer) -> Bool {
        guard digits.count == output.count * 2 else { return false }
        // Without a branch a digit: a proof has dozens of hashes, and what is no digit shows in the upper half.
        var wrong: UInt8 = 0
        for index in 0..<output.count {
            let (high, low) = (nibble(digits[index &* 2]), nibble(digits[index &* 2 &+ 1]))
            wrong |= high | low
            output[index] = high << 4 | low & 15
        }
        return wrong < 16
    }

    /// The value of a digit; 16 or more for any other character.
    private static func nibble(_ character: UInt8) -> UInt8 {
        let (decimal, letter) = (character &- UInt8(ascii: "0"), character &- UInt8(ascii: "a"))
        return decimal < 10 ? decimal : letter < 6 ? letter + 10 : 0xFF
    }
}
