import Proofs
import EventStore

extension State {
    mutating func apply(_ event: SessionCreated, _ place: Place) throws(ReplayError) {
        let id = try place.streamID(SessionID.self)
        guard sessions[id] == nil, ended[id] == nil else {
            throw place.error(.reference, "this session exists already")
        }
        try checkCreator(of: event, place)
        sessions[id] = SessionRecord(
            id: id, customerID: event.customerID, creator: event.creator, environment: event.environment,
            dataClassification: event.dataClassification, jurisdiction: event.jurisdiction, region: event.region,
            layersMissing: event.layersMissing, createdAt: place.at, timeToLiveSeconds: event.timeToLiveSeconds)
        countSessions(of: event.customerID, in: event.environment, by: 1)
    }

    private func checkCreator(of event: SessionCreated, _ place: Place) throws(ReplayError) {
        guard customers[event.customerID] != nil else { throw place.error(.reference, "there is no such customer") }
        switch event.creator {
        case .key(let id):
            guard let key = keys[id], key.customerID == event.customerID else {
                throw place.error(.reference, "this customer has no such key")
            }
            guard key.isActive(at: place.at) else { throw place.error(.transition, "the key is revoked or expired") }
            guard key.environment == event.environment else {
                throw place.error(.reference, "a \(key.environment.rawValue) key made a session of the other kind")
            }
        case .member(let id):
            guard let member = members[id], member.customerID == event.customerID else {
                throw place.error(.reference, "this customer has no such member")
            }
            guard !member.isRemoved else { throw place.error(.transition, "the member was removed") }
        }
    }

    mutating func apply(_ event: SessionExecuting, _ place: Place) throws(ReplayError) {
        var session = try liveSession(place)
        guard session.verificationKey == nil else {
            throw place.error(.transition, "the session is being destroyed")
        }
        guard session.runningExec == nil else { throw place.error(.transition, "another command runs in it") }
        session.runningExec = event.execID
        session.execCount += 1
        sessions[session.id] = session
    }

    mutating func apply(_ event: SessionExecuted, _ place: Place, _ cycle: BillingCycle) throws(ReplayError) {
        var session = try liveSession(place)
        guard session.verificationKey == nil else {
            throw place.error(.transition, "the session is being destroyed")
        }
        guard session.runningExec == event.execID else {
            throw place.error(.transition, "this command does not run in it")
        }
        session.runningExec = nil
        sessions[session.id] = session
        if session.environment == .live {
            customers[session.customerID]?.count(computeMicroseconds: event.wallMicroseconds, in: cycle)
        }
    }

    mutating func apply(_ event: VerificationKeyPublished, _ place: Place) throws(ReplayError) {
        var session = try liveSession(place)
        guard session.verificationKey == nil else {
            throw place.error(.transition, "the session's verification key is published already")
        }
        guard event.keyID.sessionPrefix == UInt32(truncatingIfNeeded: session.id.high >> 32) else {
            throw place.error(.reference, "the verification key is named after another session")
        }
        guard !verificationKeys.contains(event.keyID) else {
            throw place.error(.reference, "another verification key has this name")
        }
        guard event.keyID.destroyedAt >= session.createdAt.wholeSecond else {
            throw place.error(.transition, "the session would end before it began")
        }
        session.verificationKey = .init(id: event.keyID, publicKey: event.publicKey)
        verificationKeys.insert(event.keyID)
        sessions[session.id] = session
    }

    mutating func applyEnd(
        destroyedAt: Timestamp, trigger: DestructionTrigger, _ place: Place
    ) throws(ReplayError) {
        var session = try liveSession(place)
        guard let key = session.verificationKey else {
            throw place.error(.transition, "no verification key was published for its proof")
        }
        guard key.id.destroyedAt == destroyedAt else {
            throw place.error(.proof, "destroyed_at is not the second that the verification key is named after")
        }
        session.end = (destroyedAt, trigger)
        sessions[session.id] = session
        awaitingProof = session.id
    }

    mutating func applyUncleanEnd(_ place: Place) throws(ReplayError) {
        let session = try liveSession(place)
        finish(session, as: .expiredUnclean)
    }

    mutating func apply(_ event: ProofIssued, _ place: Place, _ cycle: BillingCycle) throws(ReplayError) {
        let session = try liveSession(place)
        guard let end = session.end, let key = session.verificationKey else {
            throw place.error(.transition, "a proof follows the end of its session at once, and this one has not ended")
        }
        let expectation = ProofExpectation(
            session: session, key: key, destroyedAt: end.destroyedAt, trigger: end.trigger)
        if let mismatch = expectation.firstMismatch(in: event) {
            throw place.error(.proof, "the proof's \(mismatch) is not what the session's events say")
        }
        awaitingProof = nil
        finish(session, as: end.trigger.status)
        if session.environment == .live { customers[session.customerID]?.count(proofs: 1, in: cycle) }
    }

    func liveSession(_ place: Place) throws(ReplayError) -> SessionRecord {
        let id = try place.streamID(SessionID.self)
        if let session = sessions[id] { return session }
        if let past = ended[id] { throw place.error(.transition, "the session is \(past.status.rawValue)") }
        throw place.error(.reference, "there is no such session")
    }

    private mutating func finish(_ session: SessionRecord, as status: SessionStatus) {
        sessions[session.id] = nil
        ended[session.id] = EndedSession(
            customerID: session.customerID, environment: session.environment, status: status)
        countSessions(of: session.customerID, in: session.environment, by: -1)
    }

    private mutating func countSessions(of customer: CustomerID, in environment: KeyEnvironment, by change: Int) {
        switch environment {
        case .live: customers[customer]?.liveSessions += change
        case .test: customers[customer]?.testSessions += change
        }
    }
}
