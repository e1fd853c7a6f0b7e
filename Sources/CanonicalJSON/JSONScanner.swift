/// One strict reading of a text: what is wrong with it, or a node for each of its values.
struct JSONScanner: ~Copyable {
    let bytes: UnsafeBufferPointer<UInt8>
    let numbers: JSONReader.Numbers
    let depthMax: Int
    var position = 0
    /// Number of places so far where the text is not as RFC 8785 writes it: white space, escapes, disorder, doubles.
    var deviations = 0
    var nodes: JSONNodes

    init(bytes: UnsafeBufferPointer<UInt8>, numbers: JSONReader.Numbers, depthMax: Int) {
        nodes = JSONNodes(textBytes: bytes.count)
        self.bytes = bytes
        self.numbers = numbers
        self.depthMax = depthMax
    }

    /// The nodes, once the text was read.
    consuming func takenNodes() -> JSONNodes { nodes }

    /// Reads the whole text; its value is the first node.
    mutating func readDocument() throws(JSONError) {
        guard bytes.count <= UInt32.max else { throw JSONError(.tooLarge, at: Int(UInt32.max)) }
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw JSONError(.byteOrderMark, at: 0)
        }
        skipWhiteSpace()
        try readValue(depth: 0)
        skipWhiteSpace()
        guard position == bytes.count else { throw JSONError(.trailingBytes, at: position) }
    }

    private mutating func readValue(depth: Int) throws(JSONError) {
        switch try peek() {
        case UInt8(ascii: "{"): try readObject(depth: depth + 1)
        case UInt8(ascii: "["): try readArray(depth: depth + 1)
        case UInt8(ascii: "\""): try readText()
        case UInt8(ascii: "t"): try readLiteral("true", .true)
        case UInt8(ascii: "f"): try readLiteral("false", .false)
        case UInt8(ascii: "n"): try readLiteral("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try readNumber()
        default: throw JSONError(.unexpectedByte, at: position)
        }
    }

    private mutating func readObject(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw JSONError(.tooDeep, at: position) }
        let object = nodes.open(.object, at: position)
        let deviationsBefore = deviations
        var isAscending = true
        var previousName: Int?
        if try isEmpty(UInt8(ascii: "}")) {
            return nodes.close(object, at: position, isPlain: deviations == deviationsBefore)
        }
        repeat {
            skipWhiteSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: position) }
            let name = nodes.count
            try readText()
            isAscending = isAscending && precedes(previousName, name)
            previousName = name
            skipWhiteSpace()
            try expect(UInt8(ascii: ":"))
            skipWhiteSpace()
            try readValue(depth: depth)
        } while try goesOn(to: UInt8(ascii: "}"))
        nodes.close(object, at: position)
        if !isAscending { try checkNames(of: object) }
        nodes.close(object, at: position, isPlain: deviations == deviationsBefore)
    }

    /// Whether the name of a node is known to come after the one before it: both stand there without escapes, in order.
    private func precedes(_ previous: Int?, _ name: Int) -> Bool {
        guard nodes.base[name].isPlain else { return false }
        guard let previous else { return true }
        return UTF16Order.precedes(characters(of: previous), characters(of: name))
    }

    /// What stands between the quotes of a string.
    private func characters(of node: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[(Int(nodes.base[node].start) + 1)..<(Int(nodes.base[node].end) - 1)])
    }

    /// Looks for duplicates among names that have escapes or are out of order, and notes whether they are.
    private mutating func checkNames(of object: Int) throws(JSONError) {
        guard let text = bytes.baseAddress else { return }
        let names = JSONView(nodes: nodes.base, text: text, index: object, source: nil).members
            .map { $0.name.string ?? "" }
        let sorted = names.sorted { $0.precedesInUTF16($1) }
        for index in sorted.indices.dropFirst() where sorted[index].hasSameBytes(as: sorted[index - 1]) {
            throw JSONError(.duplicateMember, at: Int(nodes.base[object].start))
        }
        // Names with escapes come here too, in order or not.
        if !zip(names, sorted).allSatisfy({ $0.hasSameBytes(as: $1) }) {
            deviations += 1
            nodes.noteDisorder(of: object)
        }
    }

    private mutating func readArray(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw JSONError(.tooDeep, at: position) }
        let array = nodes.open(.array, at: position)
        let deviationsBefore = deviations
        if try !isEmpty(UInt8(ascii: "]")) {
            repeat {
                skipWhiteSpace()
                try readValue(depth: depth)
            } while try goesOn(to: UInt8(ascii: "]"))
        }
        nodes.close(array, at: position, isPlain: deviations == deviationsBefore)
    }

    /// Steps into an object or array; whether the byte that closes it follows at once, and then past that.
    @inline(__always)
    private mutating func isEmpty(_ closing: UInt8) throws(JSONError) -> Bool {
        position += 1
        skipWhiteSpace()
        guard try peek() == closing else { return false }
        position += 1
        return true
    }

    /// Steps past what follows a member or element: whether that is a comma, and not the byte that closes the whole.
    @inline(__always)
    private mutating func goesOn(to closing: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        if try peek() == UInt8(ascii: ",") {
            position += 1
            return true
        }
        try expect(closing)
        return false
    }

    private mutating func readLiteral(_ text: StaticString, _ kind: JSONNode.Kind) throws(JSONError) {
        let start = position
        for index in 0..<text.utf8CodeUnitCount {
            guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
            guard bytes[position] == text.utf8Start[index] else { throw JSONError(.unexpectedByte, at: position) }
            position += 1
        }
        nodes.append(kind, from: start, to: position)
    }

    func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard try peek() == byte else { throw JSONError(.unexpectedByte, at: position) }
        position += 1
    }

    @inline(__always)
    private mutating func skipWhiteSpace() {
        // Canonical texts have none.
        if position < bytes.count, bytes[position] <= 0x20 { skipSpaces() }
    }

    @inline(never)
    private mutating func skipSpaces() {
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
