import CanonicalJSON
import EventStore

/// What the rules need to know of a registered agent.
public struct AgentRecord: Sendable, Equatable {
    public let id: AgentID
    public let name: AgentName
    /// Whose it is; nil for one that was registered without a key.
    public internal(set) var customerID: CustomerID?
    public internal(set) var isAlive = true
    public internal(set) var assignedTo: String?
}

extension State {
    /// The agent called `name`, or nil.
    public func agent(_ name: AgentName) -> AgentRecord? { agentsByName[name].flatMap { agents[$0] } }

    mutating func apply(_ event: AgentRegistered, _ place: Place) throws(ReplayError) {
        let id = try place.streamID(AgentID.self)
        guard agents[id] == nil else { throw place.error(.reference, "this agent exists already") }
        guard agentsByName[event.name] == nil else { throw place.error(.reference, "another agent has this name") }
        try checkOwner(event.customerID, event.profile, place)
        agents[id] = AgentRecord(id: id, name: event.name, customerID: event.customerID)
        agentsByName[event.name] = id
    }

    mutating func apply(_ event: AgentChanged, _ place: Place) throws(ReplayError) {
        var agent = try agent(place)
        try checkOwner(event.customerID, event.profile, place)
        guard agent.customerID == nil || agent.customerID == event.customerID else {
            throw place.error(.transition, "an agent cannot pass from one customer to another")
        }
        agent.customerID = event.customerID
        agents[agent.id] = agent
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
