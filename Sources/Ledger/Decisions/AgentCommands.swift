/// An agent for the registry, or another profile of one that is there.
public struct RegisterAgent: Sendable {
    /// For a new one.
    public var agentID: AgentID
    public var name: AgentName
    public var profile: AgentProfile

    public init(agentID: AgentID, name: AgentName, profile: AgentProfile) {
        self.agentID = agentID
        self.name = name
        self.profile = profile
    }
}

/// How an agent does; nil leaves each as it is.
public struct ChangeAgentStatus: Sendable {
    public var name: AgentName
    public var isAlive: Bool?
    /// 1 to 128 characters; empty for nobody.
    public var assignedTo: String?

    public init(name: AgentName, isAlive: Bool? = nil, assignedTo: String? = nil) {
        self.name = name
        self.isAlive = isAlive
        self.assignedTo = assignedTo
    }
}

/// Another credential about an agent, whose proof was checked.
public struct PublishAgentFacts: Sendable {
    public var name: AgentName
    public var facts: AgentFacts

    public init(name: AgentName, facts: AgentFacts) {
        self.name = name
        self.facts = facts
    }
}

/// What this node measured of an agent since that was recorded last.
public struct RecordAgentProbes: Sendable {
    public var agentID: AgentID
    public var probes: AgentProbed

    public init(agentID: AgentID, probes: AgentProbed) {
        self.agentID = agentID
        self.probes = probes
    }
}
