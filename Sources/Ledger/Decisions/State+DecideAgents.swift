import CanonicalJSON
import Proofs

/// Agents belong to the customer whose key registered them. Where no key is asked for (`--nanda-keys optional`) nobody acts,
/// with the authority of ``Actor/system``: what nobody registered anybody may change, and whoever registers it with a key
/// owns it from then on.
extension State {
    func registerAgent(_ command: RegisterAgent, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let owner = try registrant(context)
        try command.profile.check()
        if let known = agent(command.name) {
            try checkOwner(owner, of: known)
            if let owner, known.customerID == nil { try checkRoom(of: owner) }
            let changed = AgentChanged(customerID: owner ?? known.customerID, profile: command.profile)
            return [Decided(stream: known.id.text, event: .agentChanged(changed))]
        }
        guard agents[command.agentID] == nil else { throw Refusal(.conflict, "This agent exists already. Try again.") }
        if let owner { try checkRoom(of: owner) }
        let registered = AgentRegistered(name: command.name, customerID: owner, profile: command.profile)
        return [Decided(stream: command.agentID.text, event: .agentRegistered(registered))]
    }

    func changeAgentStatus(_ command: ChangeAgentStatus, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let agent = try ownAgent(command.name, context)
        guard command.isAlive != nil || command.assignedTo != nil else {
            throw Refusal(.badRequest, "Nothing to change. Give status or assigned_to.")
        }
        if let text = command.assignedTo, !text.isEmpty {
            try AgentProfile.checkText(text, "assigned_to", max: AgentName.bytesMax)
        }
        let assignedTo = command.assignedTo.map { $0.isEmpty ? nil : $0 } ?? agent.assignedTo
        let changed = AgentStatusChanged(isAlive: command.isAlive ?? agent.isAlive, assignedTo: assignedTo)
        return [Decided(stream: agent.id.text, event: .agentStatusChanged(changed))]
    }

    func publishAgentFacts(_ command: PublishAgentFacts, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let agent = try ownAgent(command.name, context)
        guard command.facts.credential["credentialSubject"]?["id"]?.string == agent.name.did else {
            throw Refusal(.badRequest, "The credential is about another agent.", field: "credentialSubject.id")
        }
        let changed = AgentFactsChanged(credential: JSONValue.object(command.facts.credential).canonicalText)
        return [Decided(stream: agent.id.text, event: .agentFactsChanged(changed))]
    }

    func deleteAgent(_ name: AgentName, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let agent = try ownAgent(name, context)
        return [Decided(stream: agent.id.text, event: .agentDeleted(AgentDeleted()))]
    }

    /// What this node measured; nobody else can say it.
    func recordAgentProbes(_ command: RecordAgentProbes, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard case .system = context.actor else {
            throw Refusal(.forbidden, "Only what this node measured itself is recorded of an agent.")
        }
        guard let agent = agents[command.agentID] else { throw .agentNotFound }
        if let member = command.probes.inconsistentMember {
            throw Refusal(.badRequest, "The numbers of the probes contradict each other.", field: member)
        }
        guard agent.takesProbes(at: context.at) else {
            throw Refusal(
                .conflict, "The agent's probes were recorded less than an hour ago. Add up, and record later.")
        }
        return [Decided(stream: agent.id.text, event: .agentProbed(command.probes))]
    }

    /// One agent more is within the plan.
    private func checkRoom(of owner: CustomerID) throws(Refusal) {
        guard let customer = customers[owner], let limit = Plan.of(customer.tier).agents else { return }
        guard customer.agents.count < limit else { throw .agentsExceeded(limit: limit) }
    }

    /// Whose an agent is that is registered now; nil for nobody's.
    private func registrant(_ context: DecisionContext) throws(Refusal) -> CustomerID? {
        guard let acting = try authority(context) else { return nil }
        guard acting.environment == .live else {
            throw Refusal(.forbidden, "The registry is public and has no test data. Ask with a live key.")
        }
        return acting.customerID
    }

    private func ownAgent(_ name: AgentName, _ context: DecisionContext) throws(Refusal) -> AgentRecord {
        let owner = try registrant(context)
        guard let agent = agent(name) else { throw .agentNotFound }
        try checkOwner(owner, of: agent)
        return agent
    }

    private func checkOwner(_ owner: CustomerID?, of agent: AgentRecord) throws(Refusal) {
        guard agent.customerID == nil || agent.customerID == owner else { throw .agentOfOthers }
    }
}

extension Refusal {
    static func agentsExceeded(limit: Int) -> Refusal {
        Refusal(
            .limitReached, "The plan's limit of \(limit) registered agents is reached. Delete an agent or upgrade.")
    }

    static let agentNotFound = Refusal(.notFound, "Agent not found. Check the id, or register it first.")
    /// That it exists is public, so this tells nothing new.
    static let agentOfOthers = Refusal(
        .forbidden, "This agent belongs to another customer. Use a key of the customer whose key registered it.")
}
