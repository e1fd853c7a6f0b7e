/// A strict reader of RFC 8259 JSON: one value, nothing around it but white space, no duplicate member names at any
/// depth, no lone surrogates, no byte order mark.
///
/// ```swift
/// let value = try JSONReader.read(bytes)
/// ```
///
/// Linear in the input (objects whose members come unsorted cost a sort); allocates only what it returns.
public struct JSONReader {
    /// Which numbers are accepted.
    public enum Numbers: Sendable {
        /// `0|-?[1-9][0-9]{0,15}` within ±(2^53−1): what proofs and events may hold.
        case integers
        /// Any finite IEEE 754 double, as RFC 8785 has it; integral literals in range still read as integers.
        case ieee754
    }

    /// Deepest nesting accepted by default, in containers.
    public static let depthMax = 16

    /// Room made for the members of an object before their number is known.
    private static let membersExpected = 8
    /// Room made for the elements of an array before their number is known.
    private static let elementsExpected = 8

    let bytes: UnsafeBufferPointer<UInt8>
    let numbers: Numbers
    let depthMax: Int
    var position = 0
    /// Number of places so far where the text is not as RFC 8785 writes it: white space, escapes, disorder, doubles.
    var deviations = 0

    private init(bytes: UnsafeBufferPointer<UInt8>, numbers: Numbers, depthMax: Int) {
        self.bytes = bytes
        self.numbers = numbers
        self.depthMax = depthMax
    }

    /// Reads the one JSON value that `bytes` are.
    ///
    /// - Parameters:
    ///   - bytes: the whole text, UTF-8.
    ///   - numbers: which numbers to accept.
    ///   - depthMax: deepest nesting accepted, in containers.
    /// - Throws: ``JSONError`` with the byte offset of the first thing wrong.
    public static func read(
        _ bytes: [UInt8], numbers: Numbers = .integers, depthMax: Int = Self.depthMax
    ) throws(JSONError) -> JSONValue {
        // `withUnsafeBufferPointer` cannot forward a typed error and a non-copyable result alike, hence the Result.
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(JSONError) in try read(buffer, numbers: numbers, depthMax: depthMax) }
        }
        return try result.get()
    }

    /// Same, over memory that the caller keeps alive for the length of the call.
    public static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, numbers: Numbers = .integers, depthMax: Int = Self.depthMax
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes: bytes, numbers: numbers, depthMax: depthMax)
        return try reader.readDocument()
    }

    /// Same, and whether the input is byte for byte the canonical form (RFC 8785) of what it says. Integers only.
    ///
    /// Costs nothing beside reading: what canonical form leaves open is white space, the order of members, and escapes.
    package static func readNotingForm(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(JSONError) -> (value: JSONValue, isCanonical: Bool) {
        var reader = JSONReader(bytes: bytes, numbers: .integers, depthMax: depthMax)
        let value = try reader.readDocument()
        return (value, reader.deviations == 0)
    }

    private mutating func readDocument() throws(JSONError) -> JSONValue {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw JSONError(.byteOrderMark, at: 0)
        }
        skipWhiteSpace()
        let value = try readValue(depth: 0)
        skipWhiteSpace()
        guard position == bytes.count else { throw JSONError(.trailingBytes, at: position) }
        return value
    }

    private mutating func readValue(depth: Int) throws(JSONError) -> JSONValue {
        switch try peek() {
        case UInt8(ascii: "{"): return try readObject(depth: depth + 1)
        case UInt8(ascii: "["): return try readArray(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try readText().text)
        case UInt8(ascii: "t"): return try readLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try readLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try readLiteral("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
        default: throw JSONError(.unexpectedByte, at: position)
        }
    }

    private mutating func readObject(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= depthMax else { throw JSONError(.tooDeep, at: position) }
        let start = position
        let deviationsBefore = deviations
        var members: [JSONObject.Member] = []
        var isAscending = true
        var previousName = 0..<0
        position += 1
        skipWhiteSpace()
        if try peek() == UInt8(ascii: "}") {
            position += 1
            let source = deviations == deviationsBefore ? start..<position : nil
            return .object(JSONObject(ascending: [], canonicalSource: source))
        }
        while true {
            skipWhiteSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
            let nameStart = position + 1
            let (name, isVerbatim) = try readText()
            let nameRange = nameStart..<(position - 1)
            isAscending = isAscending && isVerbatim && (members.isEmpty || precedes(previousName, nameRange))
            previousName = nameRange
            skipWhiteSpace()
            try expect(UInt8(ascii: ":"))
            skipWhiteSpace()
            let value = try readValue(depth: depth)
            if members.isEmpty { members.reserveCapacity(Self.membersExpected) }
            members.append(.init(name: name, value: value))
            skipWhiteSpace()
            if try peek() == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "}"))
            break
        }
        if isAscending {
            let source = deviations == deviationsBefore ? start..<position : nil
            return .object(JSONObject(ascending: members, canonicalSource: source))
        }
        guard let object = JSONObject(sorting: members) else { throw JSONError(.duplicateMember, at: start) }
        // Names with escapes come here too, in order or not.
        if !zip(members, object.members).allSatisfy({ $0.name.hasSameBytes(as: $1.name) }) { deviations += 1 }
        return .object(object)
    }

    private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        UTF16Order.precedes(.init(rebasing: bytes[left]), .init(rebasing: bytes[right]))
    }

    private mutating func readArray(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= depthMax else { throw JSONError(.tooDeep, at: position) }
        var elements: [JSONValue] = []
        position += 1
        skipWhiteSpace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            skipWhiteSpace()
            let element = try readValue(depth: depth)
            if elements.isEmpty { elements.reserveCapacity(Self.elementsExpected) }
            elements.append(element)
            skipWhiteSpace()
            if try peek() == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try expect(UInt8(ascii: "]"))
            return .array(elements)
        }
    }

    private mutating func readLiteral(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            guard bytes[position] == text.utf8Start[index] else { throw JSONError(.unexpectedByte, at: position) }
            position += 1
        }
        return value
    }

    func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09:
                position += 1
                deviations += 1
            default: return
            }
        }
    }
}
