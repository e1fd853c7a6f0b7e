/// A JSON value as this product reads and writes it: members in canonical order, strings compared byte by byte.
///
/// ```swift
/// let data: JSONValue = ["exit_code": 0, "timed_out": false]
/// data.canonicalBytes   // {"exit_code":0,"timed_out":false}
/// ```
///
/// Proofs and events hold integers only; ``double(_:)`` exists for RFC 8785 itself and is produced by the reader
/// only when it is asked to (`JSONReader.Numbers.ieee754`).
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object, sorted by the UTF-16 code units of their names (RFC 8785 §3.2.3), each name once.
public struct JSONObject: Sendable {
    /// One name and its value.
    public struct Member: Sendable {
        /// The member's name.
        public let name: String
        /// The member's value.
        public var value: JSONValue

        /// A member with this name and value.
        public init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Largest number of members that are searched one by one.
    private static let linearSearchMax = 16

    enum Storage: Sendable {
        case members([Member])
        /// Still in the text it was read from.
        case source(JSONSource)
    }

    private(set) var storage: Storage
    // Which node of the source, a small number beside the storage so that a value does not grow.
    private(set) var node: UInt32 = 0

    /// An object without members.
    public init() { storage = .members([]) }

    /// Takes members that are known to be in canonical order, each name once.
    init(ascending members: [Member]) { storage = .members(members) }

    /// The object that a node of `source` is.
    init(source: JSONSource, node: UInt32) {
        storage = .source(source)
        self.node = node
    }

    /// The members in canonical order. Of an object that was read from a text they are taken out of it at each call.
    public var members: [Member] {
        switch storage {
        case .members(let members): members
        case .source(let source):
            withExtendedLifetime(source) { source.view(of: node).takenMembers }
        }
    }

    /// Lends the object where it stands in the text it was read from; nil when it did not come from a reader unchanged.
    package func withView<R>(_ body: (JSONView) throws -> R) rethrows -> R? {
        guard case .source(let source) = storage else { return nil }
        return try withExtendedLifetime(source) { try body(source.view(of: node)) }
    }

    /// Lends the object in a text: the one it was read from, or else one that is written now.
    ///
    /// - Throws: when the object is none that can be written as JSON.
    package func withTextView<R>(_ body: (JSONView) -> R) throws(JSONError) -> R {
        if let result = withView(body) { return result }
        return try JSONValue.object(self).canonicalBytes.withTypedBuffer { (bytes) throws(JSONError) in
            try JSONReader.withView(of: bytes, numbers: .ieee754, depthMax: .max) { body($0) }
        }
    }

    /// The place of this object in the text it was read from, if it stands there in canonical form; nil when it is laid out
    /// in another way, or when it did not come from a reader unchanged.
    package var canonicalSource: Range<Int>? {
        withView { view in
            view.canonicalBytes.map { _ in Int(view.node.start)..<Int(view.node.end) }
        } ?? nil
    }

    /// Sorts `members`; returns nil when a name stands twice.
    public init?(sorting members: [Member]) {
        var sorted = members
        if !Self.isStrictlyAscending(sorted) {
            sorted.sort { $0.name.precedesInUTF16($1.name) }
            guard Self.isStrictlyAscending(sorted) else { return nil }
        }
        storage = .members(sorted)
    }

    /// Takes members that are named in canonical order, each once; a nil value leaves its member out.
    package init(inOrder members: KeyValuePairs<String, JSONValue?>) {
        let present = members.compactMap { name, value in value.map { Member(name: name, value: $0) } }
        guard let object = JSONObject(sorting: present) else { preconditionFailure("a member is written twice") }
        self = object
    }

    /// The value of the member called `name`, byte for byte; setting nil removes the member.
    public subscript(name: String) -> JSONValue? {
        get {
            let members: [Member]
            switch storage {
            case .source(let source):
                return withExtendedLifetime(source) { source.view(of: node).member(name)?.value }
            case .members(let stored): members = stored
            }
            // Most objects are small; telling names apart takes less than ordering them.
            if members.count <= Self.linearSearchMax {
                for index in members.indices where members[index].name.hasSameBytes(as: name) {
                    return members[index].value
                }
                return nil
            }
            let index = Self.insertionIndex(of: name, in: members)
            guard index < members.count, members[index].name.hasSameBytes(as: name) else { return nil }
            return members[index].value
        }
        set {
            var members = members
            // Let go of, so that the members are changed where they are.
            storage = .members([])
            defer { storage = .members(members) }
            let index = Self.insertionIndex(of: name, in: members)
            let exists = index < members.count && members[index].name.hasSameBytes(as: name)
            switch (newValue, exists) {
            case (let value?, true): members[index].value = value
            case (let value?, false): members.insert(Member(name: name, value: value), at: index)
            case (nil, true): members.remove(at: index)
            case (nil, false): break
            }
        }
    }

    /// The member names in canonical order.
    public var names: [String] { members.map(\.name) }

    private static func insertionIndex(of name: String, in members: [Member]) -> Int {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].name.precedesInUTF16(name) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func isStrictlyAscending(_ members: [Member]) -> Bool {
        guard members.count > 1 else { return true }
        for index in 1..<members.count where !members[index - 1].name.precedesInUTF16(members[index].name) {
            return false
        }
        return true
    }
}

extension JSONValue: Equatable {
    /// Equal when the canonical bytes are equal; strings are never normalised.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        case (.integer(let a), .double(let b)), (.double(let b), .integer(let a)): Double(exactly: a) == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

extension JSONObject: Equatable {
    /// Equal when the canonical bytes are equal.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        let (mine, others) = (left.members, right.members)
        return mine.count == others.count
            && zip(mine, others).allSatisfy { $0.name.hasSameBytes(as: $1.name) && $0.value == $1.value }
    }
}

extension JSONValue {
    /// The object's members, or nil when this is not an object.
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    /// The elements, or nil when this is not an array.
    public var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    /// The text, or nil when this is not a string.
    public var string: String? { if case .string(let string) = self { string } else { nil } }
    /// The number, or nil when this is not an integer.
    public var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    /// The truth value, or nil when this is not one.
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    /// The member called `name`, or nil when this is not an object or has no such member.
    public subscript(name: String) -> JSONValue? { object?[name] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// An object; of a name that stands twice the last value holds.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }
}
