import EventStore
import Proofs

extension State {
    func startCheckout(_ command: StartCheckout, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let customer = try ownCustomer(command.customerID, context)
        switch command.tier {
        case .free:
            throw Refusal(
                .badRequest, "Nobody pays for the free plan. Cancel the subscription to return to it.", field: "tier")
        case .enterprise:
            throw Refusal(.badRequest, "The enterprise plan is made by agreement. Contact sales.", field: "tier")
        case .starter, .business: break
        }
        guard customer.tier != command.tier else {
            throw Refusal(
                .conflict, "This account is on the \(command.tier.rawValue) plan already.", field: "tier")
        }
        return [
            Decided(stream: customer.id.text, event: .checkoutStarted(CheckoutStarted(tier: command.tier)))
        ]
    }

    func recordSubscription(_ command: RecordSubscription, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard try authority(context) == nil else {
            throw Refusal(.forbidden, "Only the payment provider says how a subscription stands.")
        }
        guard let customer = customers[command.customerID] else { throw .customerNotFound }
        let current = try currentSubscription(of: customer, command)
        guard let tier = command.tier ?? current?.tier, tier != .free else { throw .noNews }
        let (status, graceEndsAt) = try standing(after: command.news, current, context)
        let changed = SubscriptionChanged(
            eventCreated: command.eventCreated, eventSHA256: command.eventSHA256, graceEndsAt: graceEndsAt,
            sealedSubscription: command.sealedSubscription, status: status,
            subscriptionSHA256: command.subscriptionSHA256, tier: tier)
        do { try changed.checkIsReadable() } catch {
            throw Refusal(.badRequest, "This cannot be recorded of a subscription: \(error).", field: error.member)
        }
        let stream = customer.id.text
        var decided = [Decided(stream: stream, event: .subscriptionChanged(changed))]
        if let plan = plan(of: customer, paying: tier, status, graceEndsAt, current), plan != customer.tier {
            decided.append(Decided(stream: stream, event: .customerPlanChanged(CustomerPlanChanged(tier: plan))))
        }
        return decided
    }

    func endGrace(_ id: CustomerID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard try authority(context) == nil else { throw Refusal(.forbidden, "A grace ends by itself.") }
        guard let customer = customers[id], let subscription = customer.subscription,
            let end = subscription.graceEndsAt, end <= context.at
        else { throw .noNews }
        let ended = GraceEnded(subscriptionSHA256: subscription.idSHA256)
        var decided = [Decided(stream: id.text, event: .graceEnded(ended))]
        if customer.tier == subscription.tier {
            decided.append(Decided(stream: id.text, event: .customerPlanChanged(CustomerPlanChanged(tier: .free))))
        }
        return decided
    }

    /// What is known of the subscription that `command` is about; nil when it is new.
    private func currentSubscription(
        of customer: CustomerRecord, _ command: RecordSubscription
    ) throws(Refusal) -> SubscriptionRecord? {
        let last = customer.subscription
        guard last?.recentEvents.contains(command.eventSHA256) != true else { throw .noNews }
        guard let last, last.idSHA256 == command.subscriptionSHA256 else {
            // A subscription that another one followed has no say any more.
            guard command.news == .paid, subscriptions[command.subscriptionSHA256] == nil else { throw .noNews }
            return nil
        }
        guard last.isAlive, command.eventCreated >= last.newestEvent else { throw .noNews }
        return last
    }

    /// One grace for one failure, however often payment is tried within it.
    private func standing(
        after news: RecordSubscription.News, _ current: SubscriptionRecord?, _ context: DecisionContext
    ) throws(Refusal) -> (SubscriptionStatus, graceEndsAt: Timestamp?) {
        let grace = context.at.adding(seconds: SubscriptionRecord.graceSeconds)
        switch (news, current?.status ?? .active) {
        case (.paid, _): return (.active, nil)
        case (.paymentFailed, .active): return (.pastDue, grace)
        case (.paymentFailed, .pastDue): return (.pastDue, current?.graceEndsAt ?? grace)
        case (.paymentFailed, _): throw .noNews
        case (.endedUnpaid, .active): return (.ended, grace)
        case (.endedUnpaid, _): return (.ended, current?.graceEndsAt)
        case (.cancelled, _): return (.ended, nil)
        }
    }

    /// The plan that follows, or nil to leave it: what the operator gave is not the payment provider's to take.
    private func plan(
        of customer: CustomerRecord, paying tier: Tier, _ status: SubscriptionStatus, _ graceEndsAt: Timestamp?,
        _ current: SubscriptionRecord?
    ) -> Tier? {
        if status == .active {
            let isBought = current?.tier != tier
            return isBought || customer.tier == .free || customer.tier == current?.tier ? tier : nil
        }
        return status == .ended && graceEndsAt == nil && customer.tier == current?.tier ? .free : nil
    }
}

extension Refusal {
    static let noNews = Refusal(.conflict, "This changes nothing: it is known, overtaken, or about something else.")
}
