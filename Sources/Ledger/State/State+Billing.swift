import EventStore
import Proofs

extension State {
    mutating func apply(_ event: CheckoutStarted, _ place: Place) throws(ReplayError) {
        _ = try streamCustomer(place)
        guard event.tier != .free else { throw place.error(.transition, "nobody pays for the free plan") }
    }

    mutating func apply(_ event: SubscriptionChanged, _ place: Place) throws(ReplayError) {
        let id = try streamCustomer(place)
        let before = customers[id]?.subscription
        guard before?.recentEvents.contains(event.eventSHA256) != true else {
            throw place.error(.transition, "this event of the payment provider was recorded before")
        }
        if let before, before.idSHA256 == event.subscriptionSHA256 {
            guard before.status != .ended else { throw place.error(.transition, "the subscription has ended") }
            guard event.eventCreated >= before.newestEvent else {
                throw place.error(.counter, "something newer is known of the subscription")
            }
        } else {
            guard event.status == .active, subscriptions[event.subscriptionSHA256] == nil else {
                throw place.error(.transition, "a subscription begins by being paid for, once")
            }
        }
        guard (event.status == .pastDue) == (event.graceEndsAt != nil) || event.status == .ended else {
            throw place.error(.transition, "there is a grace when, and only when, a payment has failed")
        }
        subscriptions[event.subscriptionSHA256] = id
        customers[id]?.subscription = SubscriptionRecord(event, before: before)
        graces[id] = event.graceEndsAt
    }

    mutating func apply(_ event: GraceEnded, _ place: Place) throws(ReplayError) {
        let id = try streamCustomer(place)
        guard let subscription = customers[id]?.subscription, subscription.idSHA256 == event.subscriptionSHA256,
            let end = subscription.graceEndsAt, end <= place.at
        else { throw place.error(.transition, "no grace of this subscription is over") }
        customers[id]?.subscription?.graceEndsAt = nil
        if subscription.status == .pastDue { customers[id]?.subscription?.status = .unpaid }
        graces[id] = nil
    }

    mutating func apply(_ event: CustomerChanged, _ place: Place) throws(ReplayError) {
        let id = try streamCustomer(place)
        if let jurisdiction = event.jurisdiction { customers[id]?.jurisdiction = jurisdiction }
    }

    /// Everything that could act for the customer ends with it. Ended sessions and proofs stay what they were.
    mutating func applyErasure(_ place: Place) throws(ReplayError) {
        let id = try streamCustomer(place)
        guard let customer = customers[id] else { return }
        guard customer.liveSessions == 0, customer.testSessions == 0 else {
            throw place.error(.transition, "sessions of the customer are alive")
        }
        for invitation in customer.invitations.compactMap({ invitations[$0] }) { close(invitation) }
        for member in members(of: id) {
            endAllSignIns(of: member)
            forgetReset(of: member)
            members[member.id]?.isRemoved = true
        }
        for key in customer.keys { keys[key]?.isRevoked = true }
        for agent in customer.agents.compactMap({ agents[$0] }) { unregister(agent) }
        remembered.removeAll(of: id)
        graces[id] = nil
        for backup in customer.backups { backups[backup] = nil }
        customers[id] = nil
        erased.insert(id)
    }
}
