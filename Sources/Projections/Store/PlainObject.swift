import Glibc

/// Finds where a JSON object ends, and that it stands there in canonical form (RFC 8785), without making values of it.
///
/// It knows the plain case alone: texts without escapes, names in ASCII, integers of at most fifteen digits, names in order,
/// nothing deeper than ``depthMax``. Whatever is not that is left to `JSONReader`, which knows all of JSON and says what is
/// wrong: a proof is a hundred values, and reading them as values takes ten times as long.
struct PlainObject {
    /// Objects and arrays within each other, the outermost counted.
    private static let depthMax = 16
    /// Digits of an integer that fit into 2^53 whatever they are.
    private static let digitsMax = 15

    private let text: UnsafeRawBufferPointer
    private var position: Int

    /// Where the object that begins at `start` of `text` ends; nil when no plain object begins there.
    static func end(in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var reader = PlainObject(text: text, position: start)
        return reader.skipObject(depth: 1) ? reader.position : nil
    }

    private init(text: UnsafeRawBufferPointer, position: Int) {
        self.text = text
        self.position = position
    }

    /// Goes behind `byte` if it is the next one.
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipValue(depth: Int) -> Bool {
        guard position < text.count, depth <= Self.depthMax else { return false }
        switch text[position] {
        case UInt8(ascii: "\""): return skipText()
        case UInt8(ascii: "{"): return skipObject(depth: depth)
        case UInt8(ascii: "["): return skipArray(depth: depth)
        case UInt8(ascii: "t"): return skipWord("true")
        case UInt8(ascii: "f"): return skipWord("false")
        case UInt8(ascii: "n"): return skipWord("null")
        default: return skipInteger()
        }
    }

    private mutating func skipObject(depth: Int) -> Bool {
        guard skip(UInt8(ascii: "{")) else { return false }
        if skip(UInt8(ascii: "}")) { return true }
        var last: Range<Int>?
        repeat {
            guard let name = skipName(), last.map({ isAscending($0, name) }) ?? true, skip(UInt8(ascii: ":")),
                skipValue(depth: depth + 1)
            else { return false }
            last = name
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}"))
    }

    private mutating func skipArray(depth: Int) -> Bool {
        guard skip(UInt8(ascii: "[")) else { return false }
        if skip(UInt8(ascii: "]")) { return true }
        repeat {
            guard skipValue(depth: depth + 1) else { return false }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]"))
    }

    /// Whether the second of two names stands behind the first: ASCII sorts by its bytes as it does by UTF-16.
    private func isAscending(_ first: Range<Int>, _ second: Range<Int>) -> Bool {
        guard let base = text.baseAddress else { return false }
        let common = memcmp(base + first.lowerBound, base + second.lowerBound, min(first.count, second.count))
        return common < 0 || (common == 0 && first.count < second.count)
    }

    /// Where the characters of the name stand that comes next.
    private mutating func skipName() -> Range<Int>? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = position
        skipPlain()
        let end = position
        return skip(UInt8(ascii: "\"")) ? start..<end : nil
    }

    private mutating func skipText() -> Bool {
        guard skip(UInt8(ascii: "\"")) else { return false }
        let start = position
        skipPlain()
        if skip(UInt8(ascii: "\"")) { return true }
        while position < text.count, text[position] >= 0x80 || Self.isPlain(text[position]) { position += 1 }
        return String(validating: text[start..<position], as: UTF8.self) != nil && skip(UInt8(ascii: "\""))
    }

    /// Goes behind ASCII that stands for itself.
    private mutating func skipPlain() {
        while position + 8 <= text.count, Self.arePlain(text.loadUnaligned(fromByteOffset: position, as: UInt64.self)) {
            position += 8
        }
        while position < text.count, Self.isPlain(text[position]) { position += 1 }
    }

    private mutating func skipInteger() -> Bool {
        let isNegative = skip(UInt8(ascii: "-"))
        let start = position
        while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) { position += 1 }
        guard position > start, position - start <= Self.digitsMax else { return false }
        return text[start] != UInt8(ascii: "0") || (position - start == 1 && !isNegative)
    }

    private mutating func skipWord(_ word: StaticString) -> Bool {
        let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard text[position...].starts(with: bytes) else { return false }
        position += bytes.count
        return true
    }

    /// Whether `byte` stands for itself in a string.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// Whether each of eight bytes does. May be wrong in saying no.
    private static func arePlain(_ bytes: UInt64) -> Bool {
        let (ones, high): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        // The high bit of a byte is set where the byte is zero (and perhaps in bytes above it): one was subtracted from it.
        func zeros(_ value: UInt64) -> UInt64 { (value &- ones) & ~value & high }
        let isControl = (bytes &- ones &* 0x20) & ~bytes & high
        let isOdd = zeros(bytes ^ ones &* 0x22) | zeros(bytes ^ ones &* 0x5C) | zeros(bytes ^ ones &* 0x7F)
        return (bytes & high) | isControl | isOdd == 0
    }
}
