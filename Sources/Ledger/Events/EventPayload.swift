import Proofs
public import CanonicalJSON

/// The `data` of one type of event.
///
/// Reading is strict: exactly the members that the type has, each of its kind. So nothing unforeseen, and no content of
/// a session, can ride along in an event. What is written is what is read: `Self(data: payload.data) == payload`.
public protocol EventPayload: Sendable, Equatable {
    /// For example `session.created`.
    static var type: String { get }
    /// The version of `data` that is written today, from 1. Older ones are upcast on read (``Upcasters``).
    static var version: Int { get }

    /// Reads the members of `data`.
    ///
    /// - Throws: ``PayloadError`` naming the first member that is wrong.
    init(data: JSONObject) throws(PayloadError)

    /// The members as they stand in the log.
    var data: JSONObject { get }
}

/// Why the `data` of an event is not what its type says. Names the member, never its value.
public struct PayloadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with the member.
    public enum Problem: String, Sendable {
        case missing = "is missing"
        case unknown = "does not belong there"
        case wrongKind = "is not of its kind"
        case notAllowed = "has a value that cannot stand there"
        case newerVersion = "is newer than this program understands; use the newer program"
    }

    /// The member, for example `exit_code`, or `v` for the version of the whole.
    public let member: String
    public let problem: Problem

    public init(_ member: String, _ problem: Problem) {
        self.member = member
        self.problem = problem
    }

    public var description: String { "member \(member) \(problem.rawValue)" }
}

/// Reads the members of an event's data one after the other, in canonical order, and accounts for each of them.
struct PayloadReader {
    private let members: [JSONObject.Member]
    private var next = 0

    init(_ object: JSONObject) { members = object.members }

    /// The member called `name` if it is the next one.
    mutating func optionalValue(_ name: String) -> JSONValue? {
        guard next < members.count, members[next].name == name else { return nil }
        next += 1
        return members[next - 1].value
    }

    mutating func value(_ name: String) throws(PayloadError) -> JSONValue {
        if let value = optionalValue(name) { return value }
        let comesLater = members.dropFirst(next).contains { $0.name == name }
        throw comesLater ? PayloadError(members[next].name, .unknown) : PayloadError(name, .missing)
    }

    /// Every member must have been asked for.
    func finish() throws(PayloadError) {
        guard next == members.count else { throw PayloadError(members[next].name, .unknown) }
    }

    mutating func string(_ name: String) throws(PayloadError) -> String {
        guard let text = try value(name).string else { throw PayloadError(name, .wrongKind) }
        return text
    }

    mutating func optionalString(_ name: String) throws(PayloadError) -> String? {
        guard let value = optionalValue(name) else { return nil }
        guard let text = value.string else { throw PayloadError(name, .wrongKind) }
        return text
    }

    mutating func bool(_ name: String) throws(PayloadError) -> Bool {
        guard let truth = try value(name).bool else { throw PayloadError(name, .wrongKind) }
        return truth
    }

    /// A count or size: an integer that is not negative.
    mutating func count(_ name: String) throws(PayloadError) -> Int64 {
        try Self.count(try value(name), name)
    }

    mutating func optionalCount(_ name: String) throws(PayloadError) -> Int64? {
        guard let value = optionalValue(name) else { return nil }
        return try Self.count(value, name)
    }

    /// Text that `parse` understands, for example one of an enumeration's raw values.
    mutating func parsed<Result>(
        _ name: String, _ parse: (String) -> Result?
    ) throws(PayloadError) -> Result {
        guard let result = parse(try string(name)) else { throw PayloadError(name, .notAllowed) }
        return result
    }

    mutating func optionalParsed<Result>(
        _ name: String, _ parse: (String) -> Result?
    ) throws(PayloadError) -> Result? {
        guard let value = optionalValue(name) else { return nil }
        guard let text = value.string else { throw PayloadError(name, .wrongKind) }
        guard let result = parse(text) else { throw PayloadError(name, .notAllowed) }
        return result
    }

    mutating func strings(_ name: String) throws(PayloadError) -> [String] {
        guard let elements = try value(name).array else { throw PayloadError(name, .wrongKind) }
        let texts = elements.compactMap(\.string)
        guard texts.count == elements.count else { throw PayloadError(name, .wrongKind) }
        return texts
    }

    mutating func object(_ name: String) throws(PayloadError) -> JSONObject {
        guard let object = try value(name).object else { throw PayloadError(name, .wrongKind) }
        return object
    }

    private static func count(_ value: JSONValue, _ name: String) throws(PayloadError) -> Int64 {
        guard let number = value.integer else { throw PayloadError(name, .wrongKind) }
        guard number >= 0 else { throw PayloadError(name, .notAllowed) }
        return number
    }
}

extension JSONObject {
    /// An object of members that are named in canonical order, each once; a nil value leaves its member out.
    package init(inOrder members: KeyValuePairs<String, JSONValue?>) {
        let present = members.compactMap { name, value in value.map { Member(name: name, value: $0) } }
        guard let object = JSONObject(sorting: present) else {
            preconditionFailure("an event type writes a member twice")
        }
        self = object
    }
}

extension JSONValue {
    /// An array of strings.
    init(strings: [String]) { self = .array(strings.map { .string($0) }) }
}
