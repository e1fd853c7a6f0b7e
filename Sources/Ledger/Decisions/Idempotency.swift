public import EventStore
public import Merkle

/// What a decision also does about the idempotency key of its request (docs/api.md, "Idempotency").
public enum Idempotency: Sendable {
    /// The command is the effect of this request: remember it in the same commit.
    case record(RecordRequest)
    /// The effect of the request with this key came to nothing: forget it in the same commit.
    case release(Hash)
}

/// A request to be remembered.
public struct RecordRequest: Sendable {
    /// Keyed hash of the idempotency key and of whose it is.
    public var keySHA256: Hash
    /// Keyed hash of the request.
    public var requestSHA256: Hash
    /// Makes the sealed first answer, in base64, out of the decided events; nil when none is kept in the log.
    public var sealedAnswer: @Sendable ([EventDraft]) -> String?

    public init(
        keySHA256: Hash, requestSHA256: Hash, sealedAnswer: @escaping @Sendable ([EventDraft]) -> String?
    ) {
        self.keySHA256 = keySHA256
        self.requestSHA256 = requestSHA256
        self.sealedAnswer = sealedAnswer
    }
}

extension Refusal {
    static let idempotencyKeyReused = Refusal(
        .conflict,
        "This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.")
    static let idempotencyRepeat = Refusal(
        .conflict, "A request with this Idempotency-Key has just been done. Repeat it to get its answer.")
    static let idempotencyFull = Refusal(
        .rateLimited,
        "\(RememberedRequests.perCustomerMax) requests with an Idempotency-Key were made in the last 24 hours, "
            + "and no more can be remembered. Try again later, or leave the header out.")
}

extension State {
    /// ``decide(_:in:using:)``, and what that means for the request's idempotency key, in one commit.
    ///
    /// - Throws: ``Refusal``; `conflict` when the key stands for a request already.
    public func decide(
        _ command: Command, _ idempotency: Idempotency?, in context: DecisionContext,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> [EventDraft] {
        try decision(on: command, idempotency, in: context, using: &generator).drafts
    }

    /// Same, with what ``apply(_:)-(Decision)`` needs to apply it without reading it again.
    public func decision(
        on command: Command, _ idempotency: Idempotency?, in context: DecisionContext,
        using generator: inout some RandomNumberGenerator
    ) throws(Refusal) -> Decision {
        if case .record(let request) = idempotency { try checkNew(request, context) }
        var decision = try decision(on: command, in: context, using: &generator)
        guard let idempotency, let customer = try customer(of: decision.drafts, context),
            // Who is erased with this is remembered no more.
            !decision.events.contains(where: { if case .customerErased = $0 { true } else { false } })
        else { return decision }
        let event: LedgerEvent
        switch idempotency {
        case .record(let request):
            guard remembered.hasRoom(for: customer, at: context.at) else { throw .idempotencyFull }
            event = .idempotencyRecorded(
                IdempotencyRecorded(
                    answer: request.sealedAnswer(decision.drafts), keySHA256: request.keySHA256,
                    requestSHA256: request.requestSHA256))
        case .release(let key):
            guard remembered.find(key, at: context.at)?.customerID == customer else { return decision }
            event = .idempotencyReleased(IdempotencyReleased(keySHA256: key))
        }
        decision.append(event, draft(Decided(stream: customer.text, event: event), context, &generator))
        return decision
    }

    private func checkNew(_ request: RecordRequest, _ context: DecisionContext) throws(Refusal) {
        guard let known = remembered.find(request.keySHA256, at: context.at) else { return }
        throw known.requestSHA256 == request.requestSHA256 ? .idempotencyRepeat : .idempotencyKeyReused
    }

    /// Whose request it is: the acting customer's, the new one's that signs up, or the one's whose session it is about.
    private func customer(of drafts: [EventDraft], _ context: DecisionContext) throws(Refusal) -> CustomerID? {
        if let authority = try authority(context, mayBeInactive: true) { return authority.customerID }
        for draft in drafts {
            if let id = CustomerID(draft.stream) { return id }
            if let id = SessionID(draft.stream), let session = sessions[id] { return session.customerID }
        }
        return nil
    }
}
