/// What can say the members of an object, one after the other.
public protocol ObjectContent: Sendable {
    /// Adds the members in canonical order, each once: bytes are written in the order in which they come.
    func write(to members: inout MemberWriter)
}

extension ObjectContent {
    /// The members as values.
    public var data: JSONObject { MemberWriter.values(of: self) }
}

extension JSONObject: ObjectContent {
    public func write(to members: inout MemberWriter) {
        for member in self.members { members.add(member) }
    }
}

/// Takes the members of an object in canonical order: as the bytes of RFC 8785 at once, or as values for whoever looks at
/// them. There is no tree of values in between (docs/benchmarks.md, "What a sign-up does for speed").
public struct MemberWriter: ~Copyable {
    /// Where bytes go; empty while values are collected.
    private var sink: ByteSink
    /// The values so far; nil when bytes are written.
    private var values: [JSONObject.Member]?
    private let hidden: [StaticString]
    private var isFirst = true

    private init(sink: consuming ByteSink, values: [JSONObject.Member]?, hidden: [StaticString]) {
        self.sink = sink
        self.values = values
        self.hidden = hidden
    }

    /// Appends `content` in canonical form to `sink`, without the members called `hidden`.
    package static func write(_ content: some ObjectContent, hiding hidden: [StaticString], to sink: inout ByteSink) {
        var lent = ByteSink(capacity: 0)
        swap(&lent, &sink)
        var writer = MemberWriter(sink: lent, values: nil, hidden: hidden)
        writer.sink.append(UInt8(ascii: "{"))
        content.write(to: &writer)
        writer.sink.append(UInt8(ascii: "}"))
        swap(&writer.sink, &sink)
    }

    fileprivate static func values(of content: some ObjectContent) -> JSONObject {
        var writer = MemberWriter(sink: ByteSink(capacity: 0), values: [], hidden: [])
        content.write(to: &writer)
        guard let object = JSONObject(sorting: writer.values ?? []) else {
            preconditionFailure("a member is written twice")
        }
        return object
    }

    /// Adds a string.
    public mutating func add(_ name: StaticString, _ text: String) {
        if values != nil { return append(name, .string(text)) }
        guard begin(name) else { return }
        CanonicalWriter.write(text, to: &sink)
    }

    /// Adds a number.
    public mutating func add(_ name: StaticString, _ number: Int64) {
        if values != nil { return append(name, .integer(number)) }
        guard begin(name) else { return }
        CanonicalWriter.write(number, to: &sink)
    }

    /// Adds a truth value.
    public mutating func add(_ name: StaticString, _ isTrue: Bool) {
        if values != nil { return append(name, .bool(isTrue)) }
        guard begin(name) else { return }
        sink.append(isTrue ? "true" : "false")
    }

    /// Adds an array of strings.
    public mutating func add(_ name: StaticString, _ texts: [String]) {
        if values != nil { return append(name, .array(texts.map { .string($0) })) }
        guard begin(name) else { return }
        sink.append(UInt8(ascii: "["))
        for index in texts.indices {
            if index > 0 { sink.append(UInt8(ascii: ",")) }
            CanonicalWriter.write(texts[index], to: &sink)
        }
        sink.append(UInt8(ascii: "]"))
    }

    /// Adds a string, if there is one.
    public mutating func add(_ name: StaticString, _ text: String?) {
        if let text { add(name, text) }
    }

    /// Adds a number, if there is one.
    public mutating func add(_ name: StaticString, _ number: Int64?) {
        if let number { add(name, number) }
    }

    /// Adds any value, if there is one.
    public mutating func add(_ name: StaticString, _ value: JSONValue?) {
        guard let value else { return }
        if values != nil { return append(name, value) }
        guard begin(name) else { return }
        CanonicalWriter.write(value, to: &sink)
    }

    fileprivate mutating func add(_ member: JSONObject.Member) {
        if values != nil { values?.append(member); return }
        let isHidden = member.name.withBytes { CanonicalWriter.isAmong(hidden, $0) }
        guard !isHidden else { return }
        beginNext()
        CanonicalWriter.write(member.name, to: &sink)
        sink.append(UInt8(ascii: ":"))
        CanonicalWriter.write(member.value, to: &sink)
    }

    private mutating func append(_ name: StaticString, _ value: JSONValue) {
        values?.append(JSONObject.Member(name: name.description, value: value))
    }

    /// Writes the name, which needs no escapes; false when the member is hidden.
    private mutating func begin(_ name: StaticString) -> Bool {
        let text = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        guard hidden.isEmpty || !CanonicalWriter.isAmong(hidden, text) else { return false }
        beginNext()
        sink.append(UInt8(ascii: "\""))
        sink.append(text)
        sink.append("\":")
        return true
    }

    private mutating func beginNext() {
        if !isFirst { sink.append(UInt8(ascii: ",")) }
        isFirst = false
    }
}
