public import CanonicalJSON
public import EventStore

/// What this node measured of an agent since its last event of this type, or since it began: whether the agent answered, and how
/// fast. Stream: the agent. Added up before it is recorded (``AgentProbeLimits``), so that the log does not grow with every
/// probe.
public struct AgentProbed: EventPayload {
    public static let type = "agent.probed"
    public static let version = 1

    /// Probes that got an HTTP answer with a status below 500.
    public var answered: Int64
    /// Added up over those that were ``answered``: from the connection's beginning to the answer's head.
    public var latencyMicroseconds: Int64
    /// At least 1.
    public var probes: Int64
    /// Whether the last of them was answered.
    public var isReachable: Bool
    /// When the first of them was made.
    public var since: Timestamp
    /// The HTTP status of the last one; nil without an answer.
    public var status: Int64?
    /// Probes that were answered with a status of 2xx.
    public var succeeded: Int64

    public init(
        answered: Int64, latencyMicroseconds: Int64, probes: Int64, isReachable: Bool, since: Timestamp,
        status: Int64?, succeeded: Int64
    ) {
        self.answered = answered
        self.latencyMicroseconds = latencyMicroseconds
        self.probes = probes
        self.isReachable = isReachable
        self.since = since
        self.status = status
        self.succeeded = succeeded
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        answered = try reader.count("answered")
        latencyMicroseconds = try reader.count("latency_us")
        probes = try reader.count("probes")
        isReachable = try reader.bool("reachable")
        since = try reader.parsed("since", Timestamp.init(canonical:))
        status = try reader.optionalCount("status")
        succeeded = try reader.count("succeeded")
        try reader.finish()
        if let member = inconsistentMember { throw PayloadError(member, .notAllowed) }
    }

    /// The member that the others contradict; nil when the numbers can be true together.
    var inconsistentMember: String? {
        if probes < 1 { return "probes" }
        if answered > probes || isReachable && answered == 0 { return "answered" }
        if succeeded > answered { return "succeeded" }
        if answered == 0, latencyMicroseconds > 0 { return "latency_us" }
        if let status, !(100...599).contains(status) { return "status" }
        return isReachable != (status.map { $0 < 500 } ?? false) ? "status" : nil
    }

    public func write(to members: inout MemberWriter) {
        members.add("answered", answered)
        members.add("latency_us", latencyMicroseconds)
        members.add("probes", probes)
        members.add("reachable", isReachable)
        members.add("since", since.text)
        members.add("status", status)
        members.add("succeeded", succeeded)
    }
}

/// How often what was measured of one agent becomes an event.
public enum AgentProbeLimits {
    /// Between two events of one agent, in seconds: a rule of the ledger, whatever the agent does.
    public static let pauseSeconds: Int64 = 3_600
    /// After which they are recorded although nothing changed, in seconds.
    public static let recordSeconds: Int64 = 86_400
}
