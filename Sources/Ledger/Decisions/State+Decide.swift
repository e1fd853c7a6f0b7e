public import EventStore

/// An event that a rule has decided on, before it has an id and a time.
struct Decided {
    let stream: String
    let event: LedgerEvent
    /// The id that something was sealed to beforehand; nil for a fresh one.
    var id: EventID?
}

/// What was decided on a command, as the log takes it and as the state does.
public struct Decision: Sendable {
    /// For the log, in this order and in one commit.
    public private(set) var drafts: [EventDraft] = []
    /// What they say, one by one.
    public private(set) var events: [LedgerEvent] = []

    mutating func append(_ event: LedgerEvent, _ draft: EventDraft) {
        events.append(event)
        drafts.append(draft)
    }
}

extension State {
    /// What `command` makes happen, or why it may not.
    ///
    /// Changes nothing. ``apply(_:upcasters:)`` accepts the answer as the next events of the log, in that order and in
    /// one commit.
    ///
    /// - Parameters:
    ///   - context: when, who and under which request.
    ///   - generator: where the events' ids come from; unpredictable outside tests.
    /// - Throws: ``Refusal`` with a code, a message for the caller and the member that is wrong.
    public func decide(
        _ command: Command, in context: DecisionContext, using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> [EventDraft] {
        try decision(on: command, in: context, using: &generator).drafts
    }

    func decision(
        on command: Command, in context: DecisionContext, using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> Decision {
        var decision = Decision()
        for decided in try events(for: command, context) {
            decision.append(decided.event, draft(decided, context, &generator))
        }
        return decision
    }

    /// Applies a decision that was made on this very state, and says where its events stand in the log.
    ///
    /// - Throws: ``ReplayError`` when the rules contradict each other, or the state is another one by now.
    public mutating func apply(_ decision: Decision) throws(ReplayError) -> [Envelope] {
        var envelopes: [Envelope] = []
        for (draft, event) in zip(decision.drafts, decision.events) {
            let envelope = Envelope(sequence: position, event: draft)
            try apply(event, at: Place(envelope))
            envelopes.append(envelope)
        }
        return envelopes
    }

    /// Decides on `command` and applies the answer: what must now be appended to the log at these very places.
    ///
    /// - Throws: ``Refusal`` as ``decide(_:in:using:)``; the state is then unchanged.
    public mutating func admit(
        _ command: Command, in context: DecisionContext, using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> [Envelope] {
        let decision = try decision(on: command, in: context, using: &generator)
        let before = position
        do { return try apply(decision) } catch {
            // Half a decision must never be continued from; nothing of it has reached the log yet.
            precondition(position == before, "the rules contradict each other: \(error)")
            throw Refusal(.inconsistent, "The rules contradict each other: \(error)")
        }
    }

    func draft(
        _ decided: Decided, _ context: DecisionContext, _ generator: inout some RandomNumberGenerator
    ) -> EventDraft {
        let form = decided.event.form
        return EventDraft(
            id: (decided.id ?? EventID(using: &generator)).text, at: context.at, actor: context.actor.text,
            stream: decided.stream,
            trace: context.trace, type: form.type, version: form.version, content: form.content)
    }

    private func events(for command: Command, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        switch command {
        case .signUp(let command): try signUp(command, context)
        case .issueKey(let command): try issueKey(command, context)
        case .changeKey(let command): try changeKey(command, context)
        case .rotateKey(let command): try rotateKey(command, context)
        case .revokeKey(let command): try revokeKey(command, context)
        case .inviteMember(let command): try inviteMember(command, context)
        case .revokeInvitation(let command): try revokeInvitation(command, context)
        case .acceptInvitation(let command): try acceptInvitation(command, context)
        case .changeRole(let command): try changeRole(command, context)
        case .removeMember(let command): try removeMember(command, context)
        case .changePassword(let command): try changePassword(command, context)
        case .issueReset(let command): try issueReset(command, context)
        case .startSignIn(let command): try startSignIn(command, context)
        case .refreshSignIn(let command): try refreshSignIn(command, context)
        case .endSignIn(let command): try endSignIn(command, context)
        case .changePlan(let command): try changePlan(command, context)
        case .changeCustomer(let command): try changeCustomer(command, context)
        case .eraseCustomer(let command): try eraseCustomer(command, context)
        case .startCheckout(let command): try startCheckout(command, context)
        case .recordSubscription(let command): try recordSubscription(command, context)
        case .endGrace(let command): try endGrace(command, context)
        case .recordKeyRefusal(let command): try recordKeyRefusal(command, context)
        case .createSession(let command): try createSession(command, context)
        case .beginExec(let command): try beginExec(command, context)
        case .finishExec(let command): try finishExec(command, context)
        case .publishVerificationKey(let command): try publishVerificationKey(command, context)
        case .endSession(let command): try endSession(command, context)
        case .expireUnclean(let command): try expireUnclean(command, context)
        case .openTerminal(let command): try openTerminal(command, context)
        case .closeTerminal(let command): try closeTerminal(command, context)
        case .startBackup(let command): try startBackup(command, context)
        case .endBackup(let command): try endBackup(command, context)
        case .deleteBackup(let id): try deleteBackup(id, context)
        case .startRestore(let command): try startRestore(command, context)
        case .endRestore(let command): try endRestore(command, context)
        case .registerAgent(let command): try registerAgent(command, context)
        case .changeAgentStatus(let command): try changeAgentStatus(command, context)
        case .publishAgentFacts(let command): try publishAgentFacts(command, context)
        case .deleteAgent(let name): try deleteAgent(name, context)
        case .recordAgentProbes(let command): try recordAgentProbes(command, context)
        case .reserveRequests(let command): try reserveRequests(command, context)
        case .returnRequests(let command): try returnRequests(command, context)
        }
    }
}
