/// An event that cannot stand where it stands: the log is not one that this product's rules could have written.
public struct ReplayError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of thing is wrong; stable.
    public enum Code: String, Sendable {
        /// An event is missing, repeated or out of order.
        case gap
        /// The event's data is not what its type says.
        case payload
        /// The stream is not the one that events of this type belong to.
        case stream
        /// What the event refers to does not exist, or exists already.
        case reference
        /// The event cannot happen in the status its subject is in.
        case transition
        /// A number does not follow from the events before it.
        case counter
        /// A proof does not say what the session's events say.
        case proof
    }

    public let code: Code
    /// Place in the log.
    public let sequence: UInt64
    /// Type of the event, for example `session.created`.
    public let type: String
    public let stream: String
    /// What is wrong, in words, without any content.
    public let reason: String

    public init(_ code: Code, sequence: UInt64, type: String, stream: String, reason: String) {
        self.code = code
        self.sequence = sequence
        self.type = type
        self.stream = stream
        self.reason = reason
    }

    public var description: String { "event \(sequence) (\(type), stream \(stream)): \(reason)" }
}
