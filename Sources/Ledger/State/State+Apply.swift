import Proofs
public import EventStore

extension State {
    /// Applies the next event of the log.
    ///
    /// Checks that the event could have happened: its place, its data, its stream, its subject's status, its numbers.
    /// The auditor relies on this. After an error the state is as it was before the call.
    ///
    /// - Throws: ``ReplayError`` with the event's sequence number and the reason.
    public mutating func apply(_ envelope: Envelope, upcasters: Upcasters = .current) throws(ReplayError) {
        let place = Place(envelope)
        let event: LedgerEvent
        do { event = try LedgerEvent(envelope.event, upcasters: upcasters) } catch {
            throw place.error(.payload, error.description)
        }
        try apply(event, at: place)
    }

    /// Applies an event that is already read.
    mutating func apply(_ event: LedgerEvent, at place: Place) throws(ReplayError) {
        guard place.sequence == position else {
            throw place.error(.gap, "the next event must have sequence number \(position)")
        }
        try checkOrder(of: event, at: place)
        let cycle = cycle.advanced(to: place.at)
        switch event {
        case .logCreated(let payload): apply(payload, place)
        case .logKeyRotated(let payload): try apply(payload, place)
        case .logKeyRecovered(let payload): try apply(payload, place)
        case .customerCreated(let payload): try apply(payload, place, cycle)
        case .keyIssued(let payload): try apply(payload, place)
        case .keyRevoked(let payload): try apply(payload, place)
        case .customerPlanChanged(let payload): try apply(payload, place)
        case .customerChanged(let payload): try apply(payload, place)
        case .customerErased: try applyErasure(place)
        case .checkoutStarted(let payload): try apply(payload, place)
        case .subscriptionChanged(let payload): try apply(payload, place)
        case .graceEnded(let payload): try apply(payload, place)
        case .memberAdded(let payload): try apply(payload, place)
        case .memberRoleChanged(let payload): try apply(payload, place)
        case .memberRemoved(let payload): try apply(payload, place)
        case .memberPasswordChanged(let payload): try apply(payload, place)
        case .passwordResetIssued(let payload): try apply(payload, place)
        case .invitationCreated(let payload): try apply(payload, place)
        case .invitationRevoked(let payload): try apply(payload, place)
        case .signInStarted(let payload): try apply(payload, place)
        case .signInRefreshed(let payload): try apply(payload, place)
        case .signInEnded(let payload): try apply(payload, place)
        case .keyRotated(let payload): try apply(payload, place)
        case .keyChanged(let payload): try apply(payload, place)
        case .keyRefused(let payload): try apply(payload, place)
        case .sessionCreated(let payload): try apply(payload, place)
        case .sessionExecuting(let payload): try apply(payload, place)
        case .sessionExecuted(let payload): try apply(payload, place, cycle)
        case .sessionDestroyed(let payload):
            try applyEnd(destroyedAt: payload.destroyedAt, trigger: payload.trigger, place)
        case .sessionExpired(let payload):
            try applyEnd(destroyedAt: payload.destroyedAt, trigger: .timeToLive, place)
        case .sessionExpiredUnclean: try applyUncleanEnd(place)
        case .verificationKeyPublished(let payload): try apply(payload, place)
        case .proofIssued(let payload): try apply(payload, place, cycle)
        case .usageTick(let payload): try apply(payload, place, cycle)
        case .agentRegistered(let payload): try apply(payload, place)
        case .agentChanged(let payload): try apply(payload, place)
        case .agentStatusChanged(let payload): try apply(payload, place)
        case .agentFactsChanged(let payload): try apply(payload, place)
        case .agentDeleted(let payload): try apply(payload, place)
        case .sessionTerminalOpened(let payload): try apply(payload, place)
        case .sessionTerminalClosed(let payload): try apply(payload, place, cycle)
        case .backupStarted(let payload): try apply(payload, place)
        case .backupEnded(let payload): try apply(payload, place)
        case .backupDeleted(let payload): try apply(payload, place)
        case .backupRestoreStarted(let payload): try apply(payload, place)
        case .backupRestoreEnded(let payload): try apply(payload, place)
        case .agentProbed(let payload): try apply(payload, place)
        case .idempotencyRecorded(let payload): try apply(payload, place)
        case .idempotencyReleased(let payload): try apply(payload, place)
        case .unknown: unknownEvents += 1
        }
        self.cycle = cycle
        position += 1
    }

    /// The log begins with `log.created`, once; a proof follows its session's end without anything between.
    private func checkOrder(of event: LedgerEvent, at place: Place) throws(ReplayError) {
        if case .logCreated = event {
            guard position == 0 else { throw place.error(.transition, "only the first event can begin the log") }
        } else {
            guard position > 0 else { throw place.error(.transition, "the first event must be \(LogCreated.type)") }
        }
        if let awaitingProof {
            guard case .proofIssued = event, place.stream == awaitingProof.text else {
                throw place.error(.transition, "the proof of \(awaitingProof) must be the next event")
            }
        }
    }
}

/// Where an event stands, for what its rules need of that and for naming it in errors.
struct Place {
    let sequence: UInt64
    let at: Timestamp
    let type: String
    let stream: String

    init(_ envelope: Envelope) {
        sequence = envelope.sequence
        at = envelope.event.at
        type = envelope.event.type
        stream = envelope.event.stream
    }

    func error(_ code: ReplayError.Code, _ reason: String) -> ReplayError {
        ReplayError(code, sequence: sequence, type: type, stream: stream, reason: reason)
    }

    /// The identifier that the stream is.
    func streamID<Entity>(_: Identifier<Entity>.Type) throws(ReplayError) -> Identifier<Entity> {
        guard let id = Identifier<Entity>(stream) else {
            throw error(.stream, "the stream is not an identifier that begins with \(Entity.identifierPrefix)")
        }
        return id
    }
}
