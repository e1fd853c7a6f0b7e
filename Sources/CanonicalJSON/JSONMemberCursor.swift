/// Goes through the members of an object in canonical order, one after another, and takes nothing out of the text that is
/// not asked for.
///
/// ```swift
/// var members = object.cursor
/// let name = members.next("name")?.string
/// guard members.isAtEnd else { … }
/// ```
package struct JSONMemberCursor {
    private enum Members {
        /// In the text that the object was read from.
        case inText(JSONSource)
        case taken([JSONObject.Member])
    }

    private let members: Members
    // Of members in a text the node of the next name, of others the next place.
    private var index: Int
    private let end: Int

    /// The members of the object that a node of `source` is; they are taken out, if they stand there in another order.
    init(source: JSONSource, node: UInt32) {
        guard source.nodes[Int(node)].isOrdered else {
            self.init(withExtendedLifetime(source) { source.view(of: node).takenMembers })
            return
        }
        self.init(.inText(source), from: Int(node) + 1, to: Int(source.nodes[Int(node)].next))
    }

    init(_ members: [JSONObject.Member]) { self.init(.taken(members), from: 0, to: members.count) }

    private init(_ members: Members, from index: Int, to end: Int) {
        (self.members, self.index, self.end) = (members, index, end)
    }

    /// Whether all members were taken.
    package var isAtEnd: Bool { index >= end }

    /// Takes the next member, if it is called `name`.
    package mutating func next(_ name: StaticString) -> JSONMember? {
        guard index < end else { return nil }
        switch members {
        case .inText(let source):
            let value = withExtendedLifetime(source) { () -> Int? in
                let view = source.view(of: UInt32(truncatingIfNeeded: index))
                return view.hasText(name) ? index + 1 : nil
            }
            guard let value else { return nil }
            index = Int(source.nodes[value].next)
            return JSONMember(source: source, node: UInt32(truncatingIfNeeded: value))
        case .taken(let members):
            guard members[index].name.hasSameBytes(as: name) else { return nil }
            index += 1
            return JSONMember(members[index - 1].value)
        }
    }

    /// The names of the members that were not taken.
    package var restOfNames: [String] {
        switch members {
        case .taken(let members): return members[index...].map(\.name)
        case .inText(let source):
            return withExtendedLifetime(source) {
                var (names, name): ([String], Int) = ([], index)
                while name < end {
                    names.append(source.view(of: UInt32(truncatingIfNeeded: name)).string ?? "")
                    name = Int(source.nodes[name + 1].next)
                }
                return names
            }
        }
    }
}

extension JSONObject {
    /// The members, to be gone through in canonical order.
    package var cursor: JSONMemberCursor {
        switch storage {
        case .members(let members): JSONMemberCursor(members)
        case .source(let source): JSONMemberCursor(source: source, node: node)
        }
    }
}

/// A member's value: in the text it was read from, or as it was made.
package struct JSONMember {
    private enum Value {
        case inText(JSONSource, UInt32)
        case made(JSONValue)
    }

    private let content: Value

    init(source: JSONSource, node: UInt32) { content = .inText(source, node) }

    init(_ value: JSONValue) { content = .made(value) }

    /// The value, taken out of the text.
    package var value: JSONValue {
        switch content {
        case .made(let value): value
        case .inText(let source, let node): withExtendedLifetime(source) { source.view(of: node).value }
        }
    }

    /// The text, or nil when this is not a string.
    package var string: String? {
        switch content {
        case .made(let value): value.string
        case .inText(let source, let node): withExtendedLifetime(source) { source.view(of: node).string }
        }
    }

    /// Lends the text as UTF-8; nil when this is not a string.
    package func withText<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R? {
        // The view lies in a text that this value keeps.
        defer { withExtendedLifetime(self) {} }
        if let view { return view.withText(body) }
        guard var string else { return nil }
        return string.withUTF8(body)
    }

    /// The value where it stands in the text; valid as long as this member.
    private var view: JSONView? {
        guard case .inText(let source, let node) = content else { return nil }
        return source.view(of: node)
    }

    /// The number, or nil when this is not an integer.
    package var integer: Int64? {
        switch content {
        case .made(let value): value.integer
        case .inText(let source, let node): withExtendedLifetime(source) { source.view(of: node).integer }
        }
    }

    /// The truth value, or nil when this is not one.
    package var bool: Bool? {
        switch content {
        case .made(let value): value.bool
        case .inText(let source, let node): withExtendedLifetime(source) { source.view(of: node).bool }
        }
    }

    /// The object, still in its text, or nil when this is not one.
    package var object: JSONObject? {
        switch content {
        case .made(let value): value.object
        case .inText(let source, let node): withExtendedLifetime(source) { source.view(of: node).object }
        }
    }
}
