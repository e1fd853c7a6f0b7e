/// A value in a text that was read strictly, looked at where it stands: nothing is copied and nothing counted.
///
/// Valid only within the call that lends it.
package struct JSONView {
    let nodes: UnsafePointer<JSONNode>
    let text: UnsafePointer<UInt8>
    let index: Int
    // Not counted: whoever lends a view keeps the source for as long. Nil when the text was lent without being kept.
    private let keeper: Unmanaged<JSONSource>?

    init(nodes: UnsafePointer<JSONNode>, text: UnsafePointer<UInt8>, index: Int, source: JSONSource?) {
        self.init(nodes: nodes, text: text, index: index, keeper: source.map { .passUnretained($0) })
    }

    private init(
        nodes: UnsafePointer<JSONNode>, text: UnsafePointer<UInt8>, index: Int, keeper: Unmanaged<JSONSource>?
    ) {
        (self.nodes, self.text, self.index, self.keeper) = (nodes, text, index, keeper)
    }

    /// Another value of the same text.
    func view(at index: Int) -> JSONView { JSONView(nodes: nodes, text: text, index: index, keeper: keeper) }

    var node: JSONNode { nodes[index] }
    var kind: JSONNode.Kind { nodes[index].kind }

    /// The bytes of the value as they stand in the text.
    package var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text + Int(node.start), count: Int(node.end - node.start))
    }

    /// The value's bytes, if they are its canonical form (RFC 8785), so that they can be hashed where they stand. Never of
    /// anything but an array or object.
    package var canonicalBytes: UnsafeBufferPointer<UInt8>? {
        (kind == .object || kind == .array) && node.isPlain ? bytes : nil
    }

    /// Whether this is an object.
    package var isObject: Bool { kind == .object }

    /// Whether this is an array.
    package var isArray: Bool { kind == .array }

    /// Whether this is a string.
    package var isString: Bool { kind == .string }

    /// The truth value, or nil when this is not one.
    package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The number, or nil when this is not an integer.
    package var integer: Int64? {
        guard kind == .integer else { return nil }
        let characters = bytes
        let isNegative = characters[0] == UInt8(ascii: "-")
        var magnitude: Int64 = 0
        // At most 16 digits, as the reader lets nothing else in.
        for place in (isNegative ? 1 : 0)..<characters.count {
            magnitude = magnitude &* 10 &+ Int64(characters[place] &- UInt8(ascii: "0"))
        }
        return isNegative ? -magnitude : magnitude
    }

    /// The text, or nil when this is not a string.
    package var string: String? { withText { String(decoding: $0, as: UTF8.self) } }

    /// Lends the text as UTF-8; nil when this is not a string.
    package func withText<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R? {
        guard kind == .string else { return nil }
        guard let plain = plainText else { return JSONScanner.unescaped(bytes).withBytes(body) }
        return body(plain)
    }

    /// The text, where it stands there without escapes.
    private var plainText: UnsafeBufferPointer<UInt8>? {
        let node = node
        guard node.kind == .string, node.isPlain else { return nil }
        return UnsafeBufferPointer(start: text + Int(node.start) + 1, count: Int(node.end - node.start) - 2)
    }

    /// Whether this is the string `other`, byte for byte.
    package func hasText(_ other: StaticString) -> Bool {
        hasText(UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
    }

    /// Whether this is the string `other`, byte for byte.
    package func hasText(_ other: String) -> Bool { other.withBytes { hasText($0) } }

    /// Whether this is the string whose UTF-8 is `other`.
    func hasText(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let plain = plainText else { return withText { $0.hasSameBytes(as: other) } ?? false }
        return plain.hasSameBytes(as: other)
    }

    /// The object that can outlive the view, or nil when this is none.
    package var object: JSONObject? {
        guard kind == .object else { return nil }
        if let keeper { return JSONObject(source: keeper.takeUnretainedValue(), node: UInt32(index)) }
        return value.object
    }

    /// The value, taken out of the text: objects in it stay where they are until they are asked.
    package var value: JSONValue {
        switch kind {
        case .null: .null
        case .true: .bool(true)
        case .false: .bool(false)
        case .integer: .integer(integer ?? 0)
        case .double: .double(Double(String(decoding: bytes, as: UTF8.self)) ?? 0)
        case .string: .string(string ?? "")
        case .array: .array(elements.map(\.value))
        case .object: .object(kept ?? JSONObject(ascending: takenMembers))
        }
    }

    private var kept: JSONObject? {
        keeper.map { JSONObject(source: $0.takeUnretainedValue(), node: UInt32(index)) }
    }
}

extension JSONView {
    /// The elements of an array, one after another; of anything else none.
    package struct Elements: Sequence, IteratorProtocol {
        fileprivate let container: JSONView
        fileprivate var index: Int
        fileprivate let end: Int

        /// The next element.
        package mutating func next() -> JSONView? {
            guard index < end else { return nil }
            defer { index = Int(container.nodes[index].next) }
            return container.view(at: index)
        }
    }

    /// The members of an object as they stand in the text; of anything else none.
    package struct Members: Sequence, IteratorProtocol {
        fileprivate let object: JSONView
        fileprivate var index: Int
        fileprivate let end: Int

        /// Whether all were taken.
        package var isAtEnd: Bool { index >= end }

        /// How many are left.
        package var count: Int {
            var (rest, count) = (self, 0)
            while rest.next() != nil { count += 1 }
            return count
        }

        /// The next member.
        package mutating func next() -> (name: JSONView, value: JSONView)? {
            guard index < end else { return nil }
            // A name is one node, and its value comes after it.
            let name = index
            index = Int(object.nodes[name + 1].next)
            return (object.view(at: name), object.view(at: name + 1))
        }
    }

    /// The elements of an array; nothing of anything else.
    package var elements: Elements {
        Elements(container: self, index: index + 1, end: kind == .array ? Int(node.next) : 0)
    }

    /// The members of an object in the order of the text; nothing of anything else.
    package var members: Members {
        Members(object: self, index: index + 1, end: kind == .object ? Int(node.next) : 0)
    }

    /// The value of the member called `name`, or nil.
    package func member(_ name: StaticString) -> JSONView? {
        member(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// The value of the member called `name`, or nil.
    func member(_ name: String) -> JSONView? { name.withBytes { member($0) } }

    private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONView? {
        var rest = members
        while let next = rest.next() {
            if next.name.hasText(name) { return next.value }
        }
        return nil
    }

    /// The members of an object that is taken out of the text, in canonical order.
    var takenMembers: [JSONObject.Member] {
        var taken: [JSONObject.Member] = []
        taken.reserveCapacity(members.count)
        for (name, value) in members { taken.append(.init(name: name.string ?? "", value: value.value)) }
        if !node.isOrdered { taken.sort { $0.name.precedesInUTF16($1.name) } }
        return taken
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether both are of the same length and content.
    func hasSameBytes(as other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        let (left, right) = (UnsafeRawBufferPointer(self), UnsafeRawBufferPointer(other))
        while index + 8 <= count {
            guard
                left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    == right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index += 8
        }
        while index < count, self[index] == other[index] { index += 1 }
        return index == count
    }
}
