import EventStore
import Ledger
import Proofs

extension Projector {
    func apply(_ event: KeyIssued, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let customer = try customer(event.customerID, envelope)
        try keys.apply(event, customer: customer, envelope)
        let entry = KeyEntry(
            event, tier: try tier(of: customer, envelope), sequence: Int64(envelope.sequence), customer: customer)
        changedKeys[event.keyID] = KeyWithSecrets(
            entry: entry, secrets: [.init(sha256: event.secretSHA256, endsAt: nil)])
        try events.add(envelope, customer: customer, environment: event.environment)
    }

    func apply(_ event: KeyRotated, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try change(event.keyID, envelope) { (key: inout KeyWithSecrets) throws(ProjectionError) in
            try keys.apply(event, key: key.entry.sequence, envelope)
            key.rotate(event, at: envelope.at)
        }
    }

    func apply(_ event: KeyChanged, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try change(event.keyID, envelope) { (key: inout KeyWithSecrets) throws(ProjectionError) in
            key.entry.change(event)
            try keys.apply(event, key: key.entry)
        }
    }

    func apply(_ event: KeyRevoked, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try change(event.keyID, envelope) { (key: inout KeyWithSecrets) throws(ProjectionError) in
            try keys.markRevoked(key.entry.sequence, at: envelope.at)
            key.entry.isRevoked = true
        }
    }

    func apply(_ event: KeyRefused, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try change(event.keyID, envelope) { (key: inout KeyWithSecrets) throws(ProjectionError) in
            try keys.apply(event, key: key.entry.sequence, at: envelope.at)
        }
    }

    func apply(_ event: UsageTick, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let key = try key(event.keyID, envelope)
        var requests: Int64
        // What a block of an earlier month returns lowers that month, as the ledger has it.
        var period = cycleText
        switch event.change {
        case .reserved(let count):
            requests = count
            try keys.markUsed(key.sequence, at: envelope.at)
        case .returned(let count):
            requests = -count
            if event.day < cycle.start.dayText { period = String(event.day.prefix(7)) }
        }
        if period == cycleText { try keys.count(requests, of: key.sequence, cycle: period) }
        usage.count(
            .init(requests: requests), customer: key.customer, environment: key.environment, day: event.day,
            cycle: period)
    }

    /// Changes a key's row and its entry, and adds the event to the feed.
    private func change(
        _ id: KeyID, _ envelope: OpenedEnvelope, _ body: (inout KeyWithSecrets) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        var key = try keyWithSecrets(id, envelope)
        try body(&key)
        changedKeys[id] = key
        try events.add(envelope, customer: key.entry.customer, environment: key.entry.environment)
    }
}
