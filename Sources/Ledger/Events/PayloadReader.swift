import CanonicalJSON
import Merkle

/// Reads the members of an event's data one after the other, in canonical order, and accounts for each of them. What stands
/// in the text of a line is read there: no value is made on the way.
struct PayloadReader {
    private var members: JSONMemberCursor

    init(_ object: JSONObject) { members = object.cursor }

    /// The member called `name` if it is the next one.
    mutating func optionalValue(_ name: StaticString) -> JSONValue? { members.next(name)?.value }

    private mutating func member(_ name: StaticString) throws(PayloadError) -> JSONMember {
        if let member = members.next(name) { return member }
        let rest = members.restOfNames
        throw rest.contains(name.description) ? PayloadError(rest[0], .unknown) : PayloadError(name, .missing)
    }

    /// Every member must have been asked for.
    func finish() throws(PayloadError) {
        guard members.isAtEnd else { throw PayloadError(members.restOfNames[0], .unknown) }
    }

    mutating func string(_ name: StaticString) throws(PayloadError) -> String {
        guard let text = try member(name).string else { throw PayloadError(name, .wrongKind) }
        return text
    }

    mutating func optionalString(_ name: StaticString) throws(PayloadError) -> String? {
        guard let member = members.next(name) else { return nil }
        guard let text = member.string else { throw PayloadError(name, .wrongKind) }
        return text
    }

    mutating func bool(_ name: StaticString) throws(PayloadError) -> Bool {
        guard let truth = try member(name).bool else { throw PayloadError(name, .wrongKind) }
        return truth
    }

    /// A count or size: an integer that is not negative.
    mutating func count(_ name: StaticString) throws(PayloadError) -> Int64 {
        try Self.count(try member(name), name)
    }

    mutating func optionalCount(_ name: StaticString) throws(PayloadError) -> Int64? {
        guard let member = members.next(name) else { return nil }
        return try Self.count(member, name)
    }

    /// Text that `parse` understands, for example one of an enumeration's raw values.
    mutating func parsed<Result>(
        _ name: StaticString, _ parse: (String) -> Result?
    ) throws(PayloadError) -> Result {
        guard let result = parse(try string(name)) else { throw PayloadError(name, .notAllowed) }
        return result
    }

    mutating func optionalParsed<Result>(
        _ name: StaticString, _ parse: (String) -> Result?
    ) throws(PayloadError) -> Result? {
        guard let text = try optionalString(name) else { return nil }
        guard let result = parse(text) else { throw PayloadError(name, .notAllowed) }
        return result
    }

    /// Text whose UTF-8 `parse` understands: no string is made of it.
    mutating func parsedBytes<Result>(
        _ name: StaticString, _ parse: (UnsafeBufferPointer<UInt8>) -> Result?
    ) throws(PayloadError) -> Result {
        guard let result = try Self.parsed(try member(name), name, parse) else { throw PayloadError(name, .notAllowed) }
        return result
    }

    /// An identifier, for example `sess_` and 32 digits.
    mutating func identifier<Entity>(_ name: StaticString) throws(PayloadError) -> Identifier<Entity> {
        try parsedBytes(name) { Identifier(utf8: $0) }
    }

    mutating func optionalIdentifier<Entity>(_ name: StaticString) throws(PayloadError) -> Identifier<Entity>? {
        guard let member = members.next(name) else { return nil }
        guard let id = try Self.parsed(member, name, { Identifier<Entity>(utf8: $0) }) else {
            throw PayloadError(name, .notAllowed)
        }
        return id
    }

    /// 64 lower-case hex digits.
    mutating func hash(_ name: StaticString) throws(PayloadError) -> Hash {
        try parsedBytes(name) { Hash(hexCharacters: $0) }
    }

    mutating func strings(_ name: StaticString) throws(PayloadError) -> [String] {
        guard let elements = try member(name).value.array else { throw PayloadError(name, .wrongKind) }
        let texts = elements.compactMap(\.string)
        guard texts.count == elements.count else { throw PayloadError(name, .wrongKind) }
        return texts
    }

    mutating func object(_ name: StaticString) throws(PayloadError) -> JSONObject {
        guard let object = try member(name).object else { throw PayloadError(name, .wrongKind) }
        return object
    }

    private static func count(_ member: JSONMember, _ name: StaticString) throws(PayloadError) -> Int64 {
        guard let number = member.integer else { throw PayloadError(name, .wrongKind) }
        guard number >= 0 else { throw PayloadError(name, .notAllowed) }
        return number
    }

    private static func parsed<Result>(
        _ member: JSONMember, _ name: StaticString, _ parse: (UnsafeBufferPointer<UInt8>) -> Result?
    ) throws(PayloadError) -> Result? {
        guard let result = member.withText(parse) else { throw PayloadError(name, .wrongKind) }
        return result
    }
}

extension PayloadError {
    init(_ member: StaticString, _ problem: Problem) { self.init(member.description, problem) }
}
