public import Proofs
public import EventStore

extension State {
    func createSession(_ command: CreateSession, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let authority = try authority(context), let customer = customers[authority.customerID] else {
            throw .unauthorized
        }
        guard sessions[command.sessionID] == nil, ended[command.sessionID] == nil else {
            throw Refusal(.conflict, "This session id is taken. Try again.")
        }
        let plan = Plan.of(customer.tier)
        let timeToLive = try timeToLive(command.timeToLiveSeconds, plan)
        let living = customer.sessions(in: authority.environment)
        if authority.environment == .live, let limit = plan.proofsPerMonth,
            customer.proofs(in: cycle.advanced(to: context.at)) + living >= limit
        {
            throw .proofsExceeded(customer.tier, limit: limit)
        }
        if let limit = plan.concurrentSessions, living >= limit {
            throw .sessionsExceeded(customer.tier, limit: limit)
        }
        let creator: SessionCreated.Creator
        switch context.actor {
        case .key(let id): creator = .key(id)
        case .member(let id, _): creator = .member(id)
        case .system, .operator: throw .unauthorized
        }
        let created = SessionCreated(
            customerID: customer.id, dataClassification: command.dataClassification, environment: authority.environment,
            jurisdiction: customer.jurisdiction, creator: creator, layersMissing: command.layersMissing,
            region: command.region, timeToLiveSeconds: timeToLive)
        return [Decided(stream: command.sessionID.text, event: .sessionCreated(created))]
    }

    /// What was asked for within the plan's longest life; without asking, the longest.
    private func timeToLive(_ asked: Int64?, _ plan: Plan) throws(Refusal) -> Int64? {
        guard let asked else { return plan.timeToLiveSecondsMax }
        guard asked >= 1, plan.timeToLiveSecondsMax.map({ asked <= $0 }) ?? true else {
            let limit = plan.timeToLiveSecondsMax.map { " and at most \($0) on this plan" } ?? ""
            throw Refusal(.badRequest, "ttl_seconds must be at least 1\(limit).", field: "ttl_seconds")
        }
        return asked
    }

    func beginExec(_ command: BeginExec, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context)
        guard session.verificationKey == nil else { throw .sessionEnding }
        guard session.runningExec == nil else { throw .sessionExecuting }
        try checkCompute(of: session.customerID, in: session.environment, at: context.at)
        guard command.inputBytes >= 0 else {
            throw Refusal(.badRequest, "The input cannot have a negative length.", field: "input_data")
        }
        let executing = SessionExecuting(
            execID: command.execID, inputBytes: command.inputBytes, receiptSHA256: command.receiptSHA256)
        return [Decided(stream: session.id.text, event: .sessionExecuting(executing))]
    }

    /// Whether something more may run for a customer: a command, or a terminal. What runs already is not cut off.
    ///
    /// - Throws: `quotaExceeded` when the compute hours of the month are used up. Test data is not counted.
    public func checkCompute(
        of customer: CustomerID, in environment: KeyEnvironment, at time: Timestamp
    ) throws(Refusal) {
        guard environment == .live, let customer = customers[customer],
            let hours = Plan.of(customer.tier).computeHoursPerMonth
        else { return }
        let month = cycle.advanced(to: time)
        guard customer.computeMicroseconds(in: month) < Int64(hours) * 3_600_000_000 else {
            let left = (month.end.microseconds - time.microseconds) / 1_000_000
            throw .computeExceeded(customer.tier, hours: hours, retryAfterSeconds: max(1, left + 1))
        }
    }

    func finishExec(_ command: FinishExec, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context, isContinuation: true)
        guard session.verificationKey == nil else { throw .sessionEnding }
        guard session.runningExec == command.result.execID else {
            throw Refusal(.conflict, "This command does not run in the session.")
        }
        do { try command.result.checkIsReadable() } catch {
            throw Refusal(.badRequest, "The result of the command cannot be: \(error).", field: error.member)
        }
        return [Decided(stream: session.id.text, event: .sessionExecuted(command.result))]
    }

    func publishVerificationKey(
        _ command: PublishVerificationKey, _ context: DecisionContext
    ) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context, isContinuation: true)
        guard session.verificationKey == nil else { throw .sessionEnding }
        let keyID = VerificationKeyID(session: session.id, destroyedAt: command.destroyedAt)
        guard keyID.destroyedAt >= session.createdAt.wholeSecond else {
            throw Refusal(
                .badRequest, "The session would end before it began. Correct the clock.", field: "destroyed_at")
        }
        guard !verificationKeys.contains(keyID) else {
            throw Refusal(.conflict, "The verification key id \(keyID) is taken. Wait for the next second.")
        }
        guard ProofForms.publicKey(command.publicKey) != nil else {
            throw Refusal(.badRequest, "The public key must be base64: and an Ed25519 SPKI.", field: "public_key")
        }
        let published = VerificationKeyPublished(keyID: keyID, publicKey: command.publicKey)
        return [Decided(stream: session.id.text, event: .verificationKeyPublished(published))]
    }

    func endSession(_ command: EndSession, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context, isContinuation: true)
        guard let key = session.verificationKey else {
            throw Refusal(.conflict, "Publish the session's verification key before its proof.")
        }
        let proof: ProofIssued
        do { proof = try ProofIssued(document: command.proof) } catch {
            throw Refusal(.badRequest, "This is not a destruction proof: \(error).", field: error.member)
        }
        let destroyedAt = key.id.destroyedAt
        let expectation = ProofExpectation(
            session: session, key: key, destroyedAt: destroyedAt, trigger: proof.trigger)
        if let mismatch = expectation.firstMismatch(in: proof) {
            throw Refusal(.badRequest, "The proof's \(mismatch) is not what the session's events say.", field: mismatch)
        }
        let end: LedgerEvent =
            proof.trigger == .timeToLive
            ? .sessionExpired(SessionExpired(destroyedAt: destroyedAt))
            : .sessionDestroyed(SessionDestroyed(destroyedAt: destroyedAt, trigger: proof.trigger))
        return closeTerminals(of: session, context) + [
            Decided(stream: session.id.text, event: end), Decided(stream: session.id.text, event: .proofIssued(proof)),
        ]
    }

    func expireUnclean(_ command: ExpireUnclean, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context, isContinuation: true)
        let unclean = SessionExpiredUnclean(
            failedStep: command.failedStep, known: command.known, reason: command.reason)
        do { try unclean.checkIsReadable() } catch {
            throw Refusal(.badRequest, "An unclean end cannot say this: \(error).", field: error.member)
        }
        return [Decided(stream: session.id.text, event: .sessionExpiredUnclean(unclean))]
    }
}
