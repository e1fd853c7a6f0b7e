public import Merkle
public import Proofs

/// What a customer wants to say otherwise of itself; what is nil stays.
public struct ChangeCustomer: Sendable {
    public var customerID: CustomerID
    /// The id that the event will have: the organisation is sealed to it.
    public var eventID: EventID
    public var jurisdiction: Jurisdiction?
    public var organisation: CustomerChanged.Organisation?

    public init(
        customerID: CustomerID, eventID: EventID, jurisdiction: Jurisdiction? = nil,
        organisation: CustomerChanged.Organisation? = nil
    ) {
        self.customerID = customerID
        self.eventID = eventID
        self.jurisdiction = jurisdiction
        self.organisation = organisation
    }
}

/// The acting customer goes to pay for a plan.
public struct StartCheckout: Sendable {
    public var customerID: CustomerID
    public var tier: Tier

    public init(customerID: CustomerID, tier: Tier) {
        self.customerID = customerID
        self.tier = tier
    }
}

/// What the payment provider said of a subscription. Refused with `conflict` when it is no news: said before, overtaken by
/// something newer, or about a subscription that is not the customer's current one.
public struct RecordSubscription: Sendable {
    /// What it says.
    public enum News: Sendable, Equatable {
        /// It is paid for.
        case paid
        /// A payment failed, and is tried again.
        case paymentFailed
        /// It was given up because payments failed.
        case endedUnpaid
        /// It was cancelled.
        case cancelled
    }

    public var customerID: CustomerID
    /// SHA-256 of the id of the provider's event.
    public var eventSHA256: Hash
    /// Seconds since 1970-01-01 UTC at which the provider made it.
    public var eventCreated: Int64
    /// SHA-256 of the subscription's id.
    public var subscriptionSHA256: Hash
    /// That id, sealed under the customer's data key.
    public var sealedSubscription: String
    public var news: News
    /// The plan that is paid for; nil where the provider's event does not say: then it is the one known.
    public var tier: Tier?

    public init(
        customerID: CustomerID, eventSHA256: Hash, eventCreated: Int64, subscriptionSHA256: Hash,
        sealedSubscription: String, news: News, tier: Tier? = nil
    ) {
        self.customerID = customerID
        self.eventSHA256 = eventSHA256
        self.eventCreated = eventCreated
        self.subscriptionSHA256 = subscriptionSHA256
        self.sealedSubscription = sealedSubscription
        self.news = news
        self.tier = tier
    }
}
