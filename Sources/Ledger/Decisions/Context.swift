public import EventStore
public import Proofs

/// Who does something.
public enum Actor: Sendable, Hashable {
    /// The server itself: a session's time ran out, somebody not yet known signs up.
    case system
    /// Whoever holds this API key.
    case key(KeyID)
    /// A signed-in member of a customer, who works on live or on test data.
    case member(MemberID, in: KeyEnvironment)
    /// Whoever may use the server's administration socket.
    case `operator`

    /// As events carry it; never an address or a name.
    public var text: String {
        switch self {
        case .system: "system"
        case .key(let id): id.text
        case .member(let id, _): id.text
        case .operator: "operator"
        }
    }
}

/// What a decision needs to know besides the state: when, who, and under which request.
public struct DecisionContext: Sendable {
    /// The server's clock.
    public var at: Timestamp
    public var actor: Actor
    /// The server's own request id, for example `req_…`.
    public var trace: String

    public init(at: Timestamp, actor: Actor, trace: String) {
        self.at = at
        self.actor = actor
        self.trace = trace
    }
}
