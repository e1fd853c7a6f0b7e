import Proofs
import EventStore
import Ledger

extension Projector {
    /// What happens in the agent registry; shown in the feed of the agent's owner, if it has one.
    func applyToAgents(_ event: LedgerEvent, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let id = try streamID(AgentID.self, envelope)
        if case .agentRegistered(let payload) = event {
            let customer = try row(of: payload.customerID, envelope)
            try agents.add(payload, id: id, customer: customer, envelope)
            return try show(envelope, to: customer, agent: Int64(envelope.sequence))
        }
        guard let old = try agents.row(id) else { throw missing("agent", envelope) }
        var new = old
        switch event {
        case .agentChanged(let payload):
            new.profile = payload.profile
            new.customer = try row(of: payload.customerID, envelope)
            try agents.change(old, to: new, at: envelope.at)
        case .agentStatusChanged(let payload):
            (new.isAlive, new.assignedTo) = (payload.isAlive, payload.assignedTo)
            try agents.change(old, to: new, at: envelope.at)
        case .agentFactsChanged(let payload): try agents.setFacts(payload.credential, of: old)
        case .agentDeleted: try agents.remove(old)
        case .agentProbed(let payload): try agents.probes.add(payload, to: old.sequence, at: envelope.at)
        default: break
        }
        try show(envelope, to: new.customer, agent: old.sequence)
    }

    private func row(of customer: CustomerID?, _ envelope: OpenedEnvelope) throws(ProjectionError) -> Int64? {
        guard let customer else { return nil }
        return try self.customer(customer, envelope)
    }

    private func show(_ envelope: OpenedEnvelope, to customer: Int64?, agent: Int64) throws(ProjectionError) {
        guard let customer else { return }
        try events.add(envelope, customer: customer, session: agent, environment: .live)
    }
}
