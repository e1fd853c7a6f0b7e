extension JSONScanner {
    /// Largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 8259 §6).
    static let integerMax: Int64 = (1 << 53) - 1

    /// Reads the string whose opening quote is at `position`.
    mutating func readText() throws(JSONError) {
        let opening = position
        let end = endOfPlainBytes(from: opening + 1)
        // Nearly every string is plain and ends here.
        if end < bytes.count, bytes[end] == UInt8(ascii: "\"") {
            position = end + 1
            return nodes.append(.string, from: opening, to: end + 1)
        }
        position = end
        try readRestOfText(from: opening)
    }

    /// Goes on with a string at the first byte that is not plain, or where fewer than eight bytes of the text are left.
    @inline(never)
    private mutating func readRestOfText(from opening: Int) throws(JSONError) {
        var isASCII = true
        while true {
            position = endOfPlainBytes(from: position)
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                let content = UnsafeBufferPointer(rebasing: bytes[(opening + 1)..<position])
                // ASCII is valid UTF-8 without a second look.
                if !isASCII { _ = try decodeUTF8(content, at: opening + 1) }
                position += 1
                return nodes.append(.string, from: opening, to: position)
            }
            if byte == UInt8(ascii: "\\") {
                noteForm(of: try readEscapedString(from: opening + 1), from: opening)
                return nodes.append(.string, from: opening, to: position, isPlain: false)
            }
            if byte < 0x20 { throw JSONError(.controlCharacter, at: position) }
            if byte >= 0x80 { isASCII = false }
            position += 1
        }
    }

    /// The text of a string literal that was read before.
    static func unescaped(_ literal: UnsafeBufferPointer<UInt8>) -> String {
        var scanner = JSONScanner(bytes: literal, numbers: .integers, depthMax: 0)
        scanner.position = 1
        do throws(JSONError) { return try scanner.readEscapedString(from: 1) } catch {
            preconditionFailure("a string was read as valid and is not: \(error)")
        }
    }

    /// The first place from `start` on where a byte does not stand in a string as it is, looking at eight at a time; earlier
    /// where fewer are left.
    @inline(__always)
    private func endOfPlainBytes(from start: Int) -> Int {
        // Eight bytes at `place` lie within `bytes` whenever the condition of the loop holds, and the load asks for no
        // alignment.
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return start }
        var place = start
        while place + 8 <= bytes.count {
            let count = EightBytes.plainCount(UInt64(littleEndian: (base + place).loadUnaligned(as: UInt64.self)))
            place += count
            if count < 8 { break }
        }
        return place
    }

    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var unescaped = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                let text = try unescaped.withTypedBuffer { (buffer) throws(JSONError) in
                    try decodeUTF8(buffer, at: start)
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                unescaped.append(contentsOf: String(try readEscape()).utf8)
            case 0..<0x20: throw JSONError(.controlCharacter, at: position)
            default:
                unescaped.append(byte)
                position += 1
            }
        }
        throw JSONError(.unexpectedEnd, at: position)
    }

    /// Notes whether the string that began at `start` is escaped as RFC 8785 escapes it.
    private mutating func noteForm(of text: String, from start: Int) {
        var written: [UInt8] = []
        CanonicalWriter.write(text, to: &written)
        if !written.elementsEqual(bytes[start..<position]) { deviations += 1 }
    }

    private mutating func readEscape() throws(JSONError) -> Unicode.Scalar {
        let byte = try peek()
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try readUnicodeEscape()
        default: throw JSONError(.invalidEscape, at: position - 1)
        }
    }

    private mutating func readUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position
        let first = try readFourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw JSONError(.loneSurrogate, at: start) }
        position += 2
        let second = try readFourHexDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw JSONError(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func readFourHexDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw JSONError(.invalidEscape, at: position)
            }
            position += 1
        }
        return value
    }

    private func decodeUTF8(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int) throws(JSONError) -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw JSONError(.invalidUTF8, at: offset)
        }
        return text
    }

    /// Reads the number that begins at `position`.
    mutating func readNumber() throws(JSONError) {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let digits = position
        var magnitude: Int64 = 0
        while position < bytes.count, let digit = decimalDigit(bytes[position]) {
            if position - digits < 17 { magnitude = magnitude * 10 + digit }
            position += 1
        }
        let count = position - digits
        guard count > 0 else {
            throw JSONError(position < bytes.count ? .unexpectedByte : .unexpectedEnd, at: position)
        }
        guard count == 1 || bytes[digits] != UInt8(ascii: "0") else { throw JSONError(.numberOutOfRange, at: start) }
        let isNegative = digits > start
        let fits = !goesOnAsDouble && count <= 16 && magnitude <= Self.integerMax && !(isNegative && magnitude == 0)
        if fits { return nodes.append(.integer, from: start, to: position) }
        guard numbers == .ieee754 else { throw JSONError(.numberOutOfRange, at: start) }
        try readDouble(from: start)
    }

    /// Whether a fraction or an exponent follows.
    private var goesOnAsDouble: Bool {
        guard position < bytes.count else { return false }
        let byte = bytes[position]
        return byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    private mutating func readDouble(from start: Int) throws(JSONError) {
        deviations += 1
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try skipDigits()
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw JSONError(.numberOutOfRange, at: start) }
        nodes.append(.double, from: start, to: position)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while position < bytes.count, decimalDigit(bytes[position]) != nil { position += 1 }
        guard position > start else {
            throw JSONError(position < bytes.count ? .unexpectedByte : .unexpectedEnd, at: position)
        }
    }

    private func decimalDigit(_ byte: UInt8) -> Int64? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int64(byte - UInt8(ascii: "0")) : nil
    }
}
