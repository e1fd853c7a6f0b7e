public import CanonicalJSON
import Proofs

/// An agent was registered. Stream: the agent. Everything about it is public.
public struct AgentRegistered: EventPayload {
    public static let type = "agent.registered"
    public static let version = 1

    public var name: AgentName
    /// Whose it is; nil where no key was asked for.
    public var customerID: CustomerID?
    public var profile: AgentProfile

    public init(name: AgentName, customerID: CustomerID?, profile: AgentProfile) {
        self.name = name
        self.customerID = customerID
        self.profile = profile
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        name = try reader.parsed("agent_id", AgentName.init)
        (profile, customerID) = try reader.agentProfile()
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("agent_id", name.text)
        profile.write(of: customerID, to: &members)
    }
}

/// An agent was registered again: another profile, perhaps an owner where it had none. Stream: the agent.
public struct AgentChanged: EventPayload {
    public static let type = "agent.changed"
    public static let version = 1

    /// Whose it is from now on.
    public var customerID: CustomerID?
    public var profile: AgentProfile

    public init(customerID: CustomerID?, profile: AgentProfile) {
        self.customerID = customerID
        self.profile = profile
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        (profile, customerID) = try reader.agentProfile()
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) { profile.write(of: customerID, to: &members) }
}

/// Whether an agent is alive, and whom it works for, as its owner says. Stream: the agent.
public struct AgentStatusChanged: EventPayload {
    public static let type = "agent.status_changed"
    public static let version = 1

    public var isAlive: Bool
    public var assignedTo: String?

    public init(isAlive: Bool, assignedTo: String?) {
        self.isAlive = isAlive
        self.assignedTo = assignedTo
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        isAlive = try reader.bool("alive")
        assignedTo = try reader.optionalParsed("assigned_to") { $0 }
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("alive", isAlive)
        members.add("assigned_to", assignedTo)
    }
}

/// Another credential about an agent. Stream: the agent.
public struct AgentFactsChanged: EventPayload {
    public static let type = "agent.facts_changed"
    public static let version = 1

    /// The canonical text of the whole credential: text, because events hold no fractions and credentials may.
    public var credential: String

    public init(credential: String) { self.credential = credential }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        credential = try reader.string("credential")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("credential", credential)
    }
}

/// An agent is registered no more; its name is free. Stream: the agent.
public struct AgentDeleted: EventPayload {
    public static let type = "agent.deleted"
    public static let version = 1

    public init() {}

    public init(data: JSONObject) throws(PayloadError) { try PayloadReader(data).finish() }

    public func write(to _: inout MemberWriter) {}
}

extension AgentProfile {
    /// All members behind `agent_id`.
    fileprivate func write(of customer: CustomerID?, to members: inout MemberWriter) {
        members.add("agent_url", url)
        members.add("api_url", apiURL)
        members.add("capabilities", capabilities)
        members.add("customer_id", customer?.text)
        members.add("facts_url", factsURL)
        members.add("tags", tags)
        members.add("version", version)
    }
}

extension PayloadReader {
    fileprivate mutating func agentProfile() throws(PayloadError) -> (AgentProfile, CustomerID?) {
        var profile = AgentProfile(url: try string("agent_url"))
        profile.apiURL = try optionalParsed("api_url") { $0 }
        profile.capabilities = try strings("capabilities")
        let customerID: CustomerID? = try optionalIdentifier("customer_id")
        profile.factsURL = try optionalParsed("facts_url") { $0 }
        profile.tags = try strings("tags")
        profile.version = try optionalParsed("version") { $0 }
        return (profile, customerID)
    }
}
