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
