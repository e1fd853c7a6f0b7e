import Glibc

extension JSONValue {
    /// The value as RFC 8785 (JCS) writes it: members sorted, no white space, the shortest escapes, UTF-8.
    ///
    /// - Returns: the exact bytes that are hashed and signed. Cost is linear in their number.
    public var canonicalBytes: [UInt8] {
        var output: [UInt8] = []
        writeCanonical(to: &output)
        return output
    }

    /// Same as ``canonicalBytes``, as text.
    public var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// Appends the canonical form to `output`.
    public func writeCanonical(to output: inout [UInt8]) {
        var sink = ByteSink()
        CanonicalWriter.write(self, to: &sink)
        sink.append(to: &output)
    }
}

extension JSONView {
    /// Appends the canonical form to `output`.
    package func writeCanonical(to output: inout [UInt8]) {
        var sink = ByteSink()
        CanonicalWriter.write(self, to: &sink)
        sink.append(to: &output)
    }
}

/// How RFC 8785 writes strings and numbers.
public enum CanonicalWriter {
    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// Appends `text` in quotes with the escapes of RFC 8785 §3.2.2.2, and no others.
    public static func write(_ text: String, to output: inout [UInt8]) {
        var sink = ByteSink()
        write(text, to: &sink)
        sink.append(to: &output)
    }

    /// Appends `value` in decimal.
    public static func write(_ value: Int64, to output: inout [UInt8]) {
        var sink = ByteSink()
        write(value, to: &sink)
        sink.append(to: &output)
    }

    /// Writes an object without its members called `hidden`.
    package static func write(_ object: JSONObject, hiding hidden: [StaticString], to sink: inout ByteSink) {
        guard !hidden.isEmpty else { return write(.object(object), to: &sink) }
        func isKept(_ name: UnsafeBufferPointer<UInt8>) -> Bool { !isAmong(hidden, name) }
        if object.withView({ write($0, to: &sink, keeping: isKept) }) == nil {
            write(object.members, to: &sink, keeping: isKept)
        }
    }

    /// Whether one of `names` is this one.
    static func isAmong(_ names: [StaticString], _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let characters = name.baseAddress else { return false }
        return names.contains {
            $0.utf8CodeUnitCount == name.count && memcmp($0.utf8Start, characters, name.count) == 0
        }
    }

    static func write(_ value: JSONValue, to sink: inout ByteSink) {
        switch value {
        case .null: sink.append("null")
        case .bool(let value): sink.append(value ? "true" : "false")
        case .integer(let value): write(value, to: &sink)
        case .double(let value): ecmaScriptText(of: value).withBytes { sink.append($0) }
        case .string(let value): write(value, to: &sink)
        case .array(let elements):
            write(elements, between: "[", and: "]", to: &sink) { write($0, to: &$1) }
        case .object(let object):
            if object.withView({ write($0, to: &sink) }) != nil { return }
            write(object.members, to: &sink)
        }
    }

    /// Writes an object of those of these members whose names `isKept` accepts. They stand in canonical order, and leaving one
    /// out keeps it.
    static func write(
        _ members: [JSONObject.Member], to sink: inout ByteSink,
        keeping isKept: (UnsafeBufferPointer<UInt8>) -> Bool = { _ in true }
    ) {
        sink.append(UInt8(ascii: "{"))
        var isFirst = true
        for index in members.indices where members[index].name.withBytes(isKept) {
            if !isFirst { sink.append(UInt8(ascii: ",")) }
            isFirst = false
            write(members[index].name, to: &sink)
            sink.append(UInt8(ascii: ":"))
            write(members[index].value, to: &sink)
        }
        sink.append(UInt8(ascii: "}"))
    }

    /// Same, of an object that still stands in its text.
    static func write(
        _ object: JSONView, to sink: inout ByteSink, keeping isKept: (UnsafeBufferPointer<UInt8>) -> Bool
    ) {
        guard object.node.isOrdered else { return write(object.takenMembers, to: &sink, keeping: isKept) }
        sink.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in object.members where name.withText(isKept) ?? false {
            if !isFirst { sink.append(UInt8(ascii: ",")) }
            isFirst = false
            write(name, to: &sink)
            sink.append(UInt8(ascii: ":"))
            write(value, to: &sink)
        }
        sink.append(UInt8(ascii: "}"))
    }

    /// Writes the elements of an array or the members of an object, with commas between them.
    @inline(__always)
    private static func write<Items: Sequence>(
        _ items: Items, between opening: StaticString, and closing: StaticString, to sink: inout ByteSink,
        _ writeItem: (Items.Element, inout ByteSink) -> Void
    ) {
        sink.append(opening)
        var isFirst = true
        for item in items {
            if !isFirst { sink.append(UInt8(ascii: ",")) }
            isFirst = false
            writeItem(item, &sink)
        }
        sink.append(closing)
    }

    /// Writes a value that still stands in the text it was read from: copied, where it stands there in canonical form.
    static func write(_ view: JSONView, to sink: inout ByteSink) {
        if let canonical = view.canonicalBytes { return sink.append(canonical) }
        switch view.kind {
        case .object:
            var members: [(name: JSONView, value: JSONView)] = Array(view.members)
            if !view.node.isOrdered { members.sort { ($0.name.string ?? "").precedesInUTF16($1.name.string ?? "") } }
            write(members, between: "{", and: "}", to: &sink) { member, sink in
                write(member.name, to: &sink)
                sink.append(UInt8(ascii: ":"))
                write(member.value, to: &sink)
            }
        case .array: write(view.elements, between: "[", and: "]", to: &sink) { write($0, to: &$1) }
        case .string where view.node.isPlain: sink.append(view.bytes)
        default: write(view.value, to: &sink)
        }
    }

    package static func write(_ text: String, to sink: inout ByteSink) {
        sink.append(UInt8(ascii: "\""))
        text.withBytes { bytes in
            if isVerbatim(bytes) {
                sink.append(bytes)
            } else {
                for byte in bytes { writeEscaped(byte, to: &sink) }
            }
        }
        sink.append(UInt8(ascii: "\""))
    }

    package static func write(_ value: Int64, to sink: inout ByteSink) {
        // The digits come last first; 20 characters hold every 64-bit integer and its sign.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
            var start = 20
            var rest = value.magnitude
            repeat {
                start -= 1
                buffer[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                start -= 1
                buffer[start] = UInt8(ascii: "-")
            }
            sink.append(UnsafeBufferPointer(rebasing: buffer[start...]))
        }
    }

    /// Whether nothing in `bytes` needs an escape.
    private static func isVerbatim(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        let raw = UnsafeRawBufferPointer(bytes)
        while index + 8 <= bytes.count {
            guard EightBytes.areVerbatim(raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)) else {
                return false
            }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
            index += 1
        }
        return true
    }

    private static func writeEscaped(_ byte: UInt8, to sink: inout ByteSink) {
        switch byte {
        case UInt8(ascii: "\""): sink.append(#"\""#)
        case UInt8(ascii: "\\"): sink.append(#"\\"#)
        case 0x08: sink.append(#"\b"#)
        case 0x09: sink.append(#"\t"#)
        case 0x0A: sink.append(#"\n"#)
        case 0x0C: sink.append(#"\f"#)
        case 0x0D: sink.append(#"\r"#)
        case 0..<0x20:
            sink.append(#"\u00"#)
            sink.append(hexDigits[Int(byte >> 4)])
            sink.append(hexDigits[Int(byte & 15)])
        default: sink.append(byte)
        }
    }

    /// `Number::toString` of ECMAScript for a finite double (RFC 8785 §3.2.2.3). Swift's own description already has
    /// the shortest digits that read back to the same value; only their layout differs.
    static func ecmaScriptText(of value: Double) -> String {
        precondition(value.isFinite, "JSON has no infinities and no NaN; the reader lets none in")
        if value == 0 { return "0" }
        let sign = value < 0 ? "-" : ""
        let (digits, exponent) = shortestDigits(of: abs(value))
        let count = digits.count
        switch exponent {
        case count...21 where exponent >= count:
            return sign + digits + String(repeating: "0", count: exponent - count)
        case 1...21:
            return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
        case -5...0:
            return sign + "0." + String(repeating: "0", count: -exponent) + digits
        default:
            let shown = exponent - 1
            let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            return sign + mantissa + "e" + (shown < 0 ? "-" : "+") + String(abs(shown))
        }
    }

    /// Digits d₁d₂… and n such that value = 0.d₁d₂… × 10ⁿ.
    private static func shortestDigits(of value: Double) -> (digits: String, exponent: Int) {
        var text = Substring(value.description)
        var exponent = 0
        if let mark = text.firstIndex(of: "e") {
            exponent = Int(text[text.index(after: mark)...]) ?? 0
            text = text[..<mark]
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let whole = parts[0]
        var digits = String(whole) + (parts.count > 1 ? parts[1] : "")
        exponent += whole.count
        while digits.hasPrefix("0") {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0") { digits.removeLast() }
        return (digits, exponent)
    }
}
