import Proofs
import EventStore
import Ledger

/// Turns events into rows. Holds what the tables keep in memory between events; owned by the writer's lock.
final class Projector {
    let customers: CustomersTable
    let keys: KeysTable
    private var sessions: SessionsTable
    private let proofs: ProofsTable
    private let verificationKeys: VerificationKeysTable
    var usage: UsageTable
    let members: MembersTable
    let invitations: InvitationsTable
    let agents: AgentsTable
    let backups: BackupsTable
    let events: EventsTable
    private let answers: RememberedAnswersTable
    private let progress: ProgressTable

    private let directories: Directories
    /// Keys and customers of this batch, not yet in the directories.
    var changedKeys: [KeyID: KeyWithSecrets] = [:]
    private var newCustomers: [CustomerID: Int64] = [:]
    /// The plans of customers that this batch made or changed.
    private var recentTiers: [Int64: Tier] = [:]

    private(set) var position: UInt64
    private(set) var cycle: BillingCycle
    private(set) var cycleText: String
    private var day = Day()

    /// Reads what must be in memory; the directories are filled from the tables.
    init(on connection: OpaquePointer, directories: Directories) throws(ProjectionError) {
        customers = try CustomersTable(on: connection)
        keys = try KeysTable(on: connection)
        sessions = try SessionsTable(on: connection)
        proofs = try ProofsTable(on: connection)
        verificationKeys = try VerificationKeysTable(on: connection)
        usage = try UsageTable(on: connection)
        members = try MembersTable(on: connection)
        invitations = try InvitationsTable(on: connection)
        agents = try AgentsTable(on: connection)
        backups = try BackupsTable(on: connection)
        events = try EventsTable(on: connection)
        answers = try RememberedAnswersTable(on: connection)
        progress = try ProgressTable(on: connection)
        self.directories = directories
        let loaded = try progress.load()
        position = loaded.position
        cycle = BillingCycle(holding: Timestamp(microseconds: loaded.cycleStart))
        cycleText = cycle.text
        directories.keys.replaceAll(with: try KeysTable.entries(on: connection))
        directories.customers.replaceAll(with: try CustomersTable.places(on: connection))
    }

    /// Applies the next event, inside a transaction that ``flush()`` must follow.
    func apply(_ envelope: OpenedEnvelope) throws(ProjectionError) {
        guard envelope.sequence == position else {
            throw ProjectionError(
                .gap, "the projections need event \(position) next; apply the log in order, each event once",
                sequence: envelope.sequence)
        }
        if envelope.at >= cycle.end {
            cycle = cycle.advanced(to: envelope.at)
            cycleText = cycle.text
        }
        try apply(envelope.payload, envelope)
        position += 1
    }

    /// Writes what is still in memory, the position last.
    func flush() throws(ProjectionError) {
        try sessions.flush()
        try usage.flush()
        try progress.store(position: position, cycleStart: cycle.start.microseconds)
    }

    /// After the commit: what the batch did to keys and customers becomes visible.
    func publish() {
        directories.customers.publish(newCustomers.map { CustomerDirectory.Place(id: $0.key, sequence: $0.value) })
        directories.keys.publish(changedKeys.values)
        newCustomers.removeAll(keepingCapacity: true)
        recentTiers.removeAll(keepingCapacity: true)
        changedKeys.removeAll(keepingCapacity: true)
    }

    private func apply(_ event: LedgerEvent, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        switch event {
        case .logCreated, .logKeyRotated, .logKeyRecovered, .unknown: break
        case .customerCreated(let payload):
            let id = try streamID(CustomerID.self, envelope)
            guard find(id) == nil else {
                throw ProjectionError(
                    .event, "\(envelope.type) makes a customer that there is already; audit the log",
                    sequence: envelope.sequence)
            }
            try customers.apply(payload, envelope)
            newCustomers[id] = Int64(envelope.sequence)
            noteTier(payload.tier, of: Int64(envelope.sequence))
            try events.add(envelope, customer: Int64(envelope.sequence))
        case .customerPlanChanged(let payload): try apply(payload, envelope)
        case .customerChanged(let payload): try apply(payload, envelope)
        case .customerErased: try applyErasure(envelope)
        case .checkoutStarted, .subscriptionChanged, .graceEnded:
            try events.add(envelope, customer: try customer(try streamID(CustomerID.self, envelope), envelope))
        case .memberAdded, .memberRoleChanged, .memberRemoved, .memberPasswordChanged, .passwordResetIssued,
            .invitationCreated, .invitationRevoked, .signInStarted, .signInRefreshed, .signInEnded:
            try applyToOrganisation(event, envelope)
        case .keyIssued(let payload): try apply(payload, envelope)
        case .keyRotated(let payload): try apply(payload, envelope)
        case .keyChanged(let payload): try apply(payload, envelope)
        case .keyRevoked(let payload): try apply(payload, envelope)
        case .keyRefused(let payload): try apply(payload, envelope)
        case .usageTick(let payload): try apply(payload, envelope)
        case .agentRegistered, .agentChanged, .agentStatusChanged, .agentFactsChanged, .agentDeleted,
            .agentProbed:
            try applyToAgents(event, envelope)
        case .backupStarted, .backupEnded, .backupDeleted, .backupRestoreStarted, .backupRestoreEnded:
            try applyToBackups(event, envelope)
        case .idempotencyRecorded(let payload): try answers.apply(payload, envelope)
        case .idempotencyReleased(let payload): try answers.apply(payload)
        case .sessionCreated(let payload): try apply(payload, envelope)
        case .sessionExecuting:
            try change(envelope) {
                $0.status = .executing
                $0.execCount += 1
            }
        case .sessionExecuted(let payload):
            let session = try change(envelope) { $0.status = .active }
            count(.init(execs: 1, execMicroseconds: payload.wallMicroseconds), session, envelope)
        case .sessionTerminalOpened: try addToTimeline(try session(envelope), envelope)
        case .sessionTerminalClosed(let payload):
            let session = try session(envelope)
            count(.init(execMicroseconds: payload.wallMicroseconds), session, envelope)
            try addToTimeline(session, envelope)
        case .sessionDestroyed(let payload):
            try end(envelope, as: .destroyed, at: payload.destroyedAt, by: payload.trigger.rawValue)
        case .sessionExpired(let payload):
            try end(envelope, as: .expired, at: payload.destroyedAt, by: DestructionTrigger.timeToLive.rawValue)
        case .sessionExpiredUnclean(let payload):
            try end(envelope, as: .expiredUnclean, at: envelope.at, by: payload.reason.rawValue)
        case .verificationKeyPublished(let payload):
            try verificationKeys.apply(payload, envelope)
            try addToTimeline(try session(envelope), envelope)
        case .proofIssued(let payload):
            let session = try session(envelope)
            try proofs.apply(payload, session: session, envelope)
            count(.init(proofs: 1), session, envelope)
            try addToTimeline(session, envelope)
        }
    }
}

extension Projector {
    private func apply(_ event: SessionCreated, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let id = try streamID(SessionID.self, envelope)
        let customer: Int64
        var key: KeyEntry?
        switch event.creator {
        case .key(let id):
            let entry = try self.key(id, envelope)
            (key, customer) = (entry, entry.customer)
        case .member: customer = try self.customer(event.customerID, envelope)
        }
        let session = SessionsTable.Row(event, id: id, customer: customer, key: key?.sequence, envelope)
        sessions.insert(session)
        count(.init(sessions: 1, liveSessions: 1), session, envelope)
        try addToTimeline(session, envelope)
    }

    private func end(
        _ envelope: OpenedEnvelope, as status: SessionStatus, at time: Timestamp, by cause: String
    ) throws(ProjectionError) {
        let session = try change(envelope) {
            $0.status = status
            $0.endedAt = time
            $0.endedBy = cause
        }
        count(.init(liveSessions: -1), session, envelope)
    }

    /// Changes the session of the event and adds the event to its timeline.
    @discardableResult
    private func change(
        _ envelope: OpenedEnvelope, _ body: (inout SessionsTable.Row) -> Void
    ) throws(ProjectionError) -> SessionsTable.Row {
        let id = try streamID(SessionID.self, envelope)
        var changed = sessions.change(id, body)
        if changed == nil { changed = try sessions.row(id) }
        guard let session = changed else { throw missing("session", envelope) }
        try addToTimeline(session, envelope)
        return session
    }

    private func addToTimeline(_ session: SessionsTable.Row, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try events.add(
            envelope, customer: session.customer, session: session.sequence, environment: session.environment)
    }

    private func count(_ amount: UsageTable.Amount, _ session: SessionsTable.Row, _ envelope: OpenedEnvelope) {
        usage.count(
            amount, customer: session.customer, environment: session.environment,
            day: day.text(of: envelope.at), cycle: cycleText)
    }

    private func session(_ envelope: OpenedEnvelope) throws(ProjectionError) -> SessionsTable.Row {
        guard let session = try sessions.row(try streamID(SessionID.self, envelope)) else {
            throw missing("session", envelope)
        }
        return session
    }

    /// The number of the customer's row.
    func customer(_ id: CustomerID, _ envelope: OpenedEnvelope) throws(ProjectionError) -> Int64 {
        guard let customer = find(id) else { throw missing("customer", envelope) }
        return customer
    }

    private func find(_ id: CustomerID) -> Int64? { newCustomers[id] ?? directories.customers.find(id) }

    /// The plan of the customer with this row number.
    func tier(of customer: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) -> Tier {
        if let recent = recentTiers[customer] { return recent }
        guard let tier = try customers.tier(of: customer) else { throw missing("customer", envelope) }
        return tier
    }

    func noteTier(_ tier: Tier, of customer: Int64) { recentTiers[customer] = tier }

    func key(_ id: KeyID, _ envelope: OpenedEnvelope) throws(ProjectionError) -> KeyEntry {
        guard let key = changedKeys[id]?.entry ?? directories.keys.find(id) else { throw missing("key", envelope) }
        return key
    }

    func keyWithSecrets(_ id: KeyID, _ envelope: OpenedEnvelope) throws(ProjectionError) -> KeyWithSecrets {
        guard let key = changedKeys[id] ?? directories.keys.findWithSecrets(id) else { throw missing("key", envelope) }
        return key
    }

    func streamID<Entity>(
        _: Identifier<Entity>.Type, _ envelope: OpenedEnvelope
    ) throws(ProjectionError) -> Identifier<Entity> {
        let id = envelope.withTexts { Identifier<Entity>(utf8: $0.stream.assumingMemoryBound(to: UInt8.self)) }
        guard let id else {
            throw ProjectionError(
                .event, "the stream of \(envelope.type) is not an identifier; audit the log",
                sequence: envelope.sequence)
        }
        return id
    }

    func missing(_ what: String, _ envelope: OpenedEnvelope) -> ProjectionError {
        ProjectionError(
            .event, "\(envelope.type) refers to a \(what) that no event made; audit the log",
            sequence: envelope.sequence)
    }
}

/// The text of the day that was asked for last, so that a run of events of one day makes it once.
private struct Day {
    private var start = Timestamp(microseconds: 0)
    private var text = "1970-01-01"

    mutating func text(of time: Timestamp) -> String {
        if time < start || time >= start.adding(seconds: 86_400) {
            text = time.dayText
            start = Timestamp(text + "T00:00:00Z") ?? time
        }
        return text
    }
}
