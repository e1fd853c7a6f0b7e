import EventStore
import Ledger

extension Projector {
    /// Another plan holds at once for the keys that are there.
    func apply(_ event: CustomerPlanChanged, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let customer = try customer(try streamID(CustomerID.self, envelope), envelope)
        try customers.apply(event, sequence: customer)
        noteTier(event.tier, of: customer)
        for keyID in try keys.ids(of: customer) {
            var key = try keyWithSecrets(keyID, envelope)
            key.entry.tier = event.tier
            changedKeys[keyID] = key
        }
        try events.add(envelope, customer: customer)
    }

    func apply(_ event: CustomerChanged, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let customer = try customer(try streamID(CustomerID.self, envelope), envelope)
        try customers.apply(event, sequence: customer, envelope)
        try events.add(envelope, customer: customer)
    }

    /// Keys are revoked, members and agents removed with their customer; the row stays for its sessions and proofs.
    func applyErasure(_ envelope: OpenedEnvelope) throws(ProjectionError) {
        let customer = try customer(try streamID(CustomerID.self, envelope), envelope)
        let time = envelope.at
        for keyID in try keys.ids(of: customer) {
            var key = try keyWithSecrets(keyID, envelope)
            if !key.entry.isRevoked { try keys.markRevoked(key.entry.sequence, at: time) }
            key.entry.isRevoked = true
            changedKeys[keyID] = key
        }
        try members.removeAll(of: customer, at: time)
        try invitations.revokeAll(of: customer)
        try agents.removeAll(of: customer)
        try customers.erase(sequence: customer, at: time)
        try events.add(envelope, customer: customer)
    }
}
