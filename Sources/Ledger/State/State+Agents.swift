import CanonicalJSON
public import EventStore

/// What the rules need to know of a registered agent.
public struct AgentRecord: Sendable, Equatable {
    public let id: AgentID
    public let name: AgentName
    /// Whose it is; nil for one that was registered without a key.
    public internal(set) var customerID: CustomerID?
    public internal(set) var isAlive = true
    public internal(set) var assignedTo: String?
    /// What was recorded last of what this node measured; nil before the first.
    public internal(set) var lastProbe: AgentProbeRecord?
}

/// When the last event about an agent's probes was recorded, and what it said.
public struct AgentProbeRecord: Sendable, Equatable {
    public let at: Timestamp
    public let isReachable: Bool
}

extension AgentRecord {
    /// Whether what was measured may be recorded at `time`: once in ``AgentProbeLimits/pauseSeconds``. A clock that was set back
    /// further than that does not silence an agent.
    public func takesProbes(at time: Timestamp) -> Bool {
        guard let last = lastProbe?.at else { return true }
        let pause = AgentProbeLimits.pauseSeconds
        return time >= last.adding(seconds: pause) || time <= last.adding(seconds: -pause)
    }

    /// Whether it is worth an event: the agent's first, a change, or a day has passed.
    public func needsProbes(isReachable: Bool, at time: Timestamp) -> Bool {
        guard let lastProbe else { return true }
        return lastProbe.isReachable != isReachable
            || time >= lastProbe.at.adding(seconds: AgentProbeLimits.recordSeconds)
    }
}

extension State {
    /// The agent called `name`, or nil.
    public func agent(_ name: AgentName) -> AgentRecord? { agentsByName[name].flatMap { agents[$0] } }

    /// The agent with this id, or nil.
    public func agent(_ id: AgentID) -> AgentRecord? { agents[id] }

    /// How many agents `customer` has registered.
    public func agentCount(of customer: CustomerID) -> Int { customers[customer]?.agents.count ?? 0 }

    mutating func apply(_ event: AgentRegistered, _ place: Place) throws(ReplayError) {
        let id = try place.streamID(AgentID.self)
        guard agents[id] == nil else { throw place.error(.reference, "this agent exists already") }
        guard agentsByName[event.name] == nil else { throw place.error(.reference, "another agent has this name") }
        try checkOwner(event.customerID, event.profile, place)
        agents[id] = AgentRecord(id: id, name: event.name, customerID: event.customerID)
        agentsByName[event.name] = id
        if let owner = event.customerID { customers[owner]?.agents.insert(id) }
    }

    mutating func apply(_ event: AgentChanged, _ place: Place) throws(ReplayError) {
        var agent = try agent(place)
        try checkOwner(event.customerID, event.profile, place)
        guard agent.customerID == nil || agent.customerID == event.customerID else {
            throw place.error(.transition, "an agent cannot pass from one customer to another")
        }
        agent.customerID = event.customerID
        agents[agent.id] = agent
        if let owner = event.customerID { customers[owner]?.agents.insert(agent.id) }
    }

    mutating func apply(_ event: AgentStatusChanged, _ place: Place) throws(ReplayError) {
        var agent = try agent(place)
        agent.isAlive = event.isAlive
        agent.assignedTo = event.assignedTo
        agents[agent.id] = agent
    }

    /// The auditor checks every signature again.
    func apply(_ event: AgentFactsChanged, _ place: Place) throws(ReplayError) {
        let agent = try agent(place)
        let value: JSONValue
        do { value = try JSONReader.read(Array(event.credential.utf8), numbers: .ieee754) } catch {
            throw place.error(.payload, "the credential is not JSON")
        }
        guard let credential = value.object, value.canonicalText == event.credential else {
            throw place.error(.payload, "the credential is not a canonical JSON object")
        }
        do { _ = try AgentFacts(credential, about: agent.name) } catch {
            throw place.error(.proof, "the credential does not hold: \(error)")
        }
    }

    mutating func apply(_: AgentDeleted, _ place: Place) throws(ReplayError) {
        let agent = try agent(place)
        if let owner = agent.customerID { customers[owner]?.agents.remove(agent.id) }
        unregister(agent)
    }

    mutating func apply(_ event: AgentProbed, _ place: Place) throws(ReplayError) {
        let agent = try agent(place)
        guard agent.takesProbes(at: place.at) else {
            throw place.error(.counter, "the agent's probes were recorded less than an hour before")
        }
        agents[agent.id]?.lastProbe = AgentProbeRecord(at: place.at, isReachable: event.isReachable)
    }

    /// Nobody finds it any more, and its name is free.
    mutating func unregister(_ agent: AgentRecord) {
        agents[agent.id] = nil
        agentsByName[agent.name] = nil
    }

    private func agent(_ place: Place) throws(ReplayError) -> AgentRecord {
        guard let agent = agents[try place.streamID(AgentID.self)] else {
            throw place.error(.reference, "there is no such agent")
        }
        return agent
    }

    private func checkOwner(_ customer: CustomerID?, _ profile: AgentProfile, _ place: Place) throws(ReplayError) {
        guard customer.map({ customers[$0] != nil }) ?? true else {
            throw place.error(.reference, "there is no such customer")
        }
        do { try profile.check() } catch { throw place.error(.payload, error.message) }
    }
}
