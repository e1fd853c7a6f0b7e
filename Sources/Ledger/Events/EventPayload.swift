import Proofs
public import CanonicalJSON

/// The `data` of one type of event.
///
/// Reading is strict: exactly the members that the type has, each of its kind. So nothing unforeseen, and no content of
/// a session, can ride along in an event. What is written is what is read: `Self(data: payload.data) == payload`.
public protocol EventPayload: ObjectContent, Equatable {
    /// For example `session.created`.
    static var type: String { get }
    /// The version of `data` that is written today, from 1. Older ones are upcast on read (``Upcasters``).
    static var version: Int { get }

    /// Reads the members of `data`.
    ///
    /// - Throws: ``PayloadError`` naming the first member that is wrong.
    init(data: JSONObject) throws(PayloadError)
}

extension EventPayload {
    /// Reads again what would be written.
    ///
    /// - Throws: ``PayloadError`` naming the member that no event may have so.
    func checkIsReadable() throws(PayloadError) { _ = try Self(data: data) }
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
