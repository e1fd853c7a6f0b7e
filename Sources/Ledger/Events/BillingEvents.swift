public import CanonicalJSON
public import EventStore
public import Merkle

/// How a subscription stands.
public enum SubscriptionStatus: String, Sendable, CaseIterable {
    /// Paid for.
    case active
    /// A payment failed; the plan holds until the grace ends.
    case pastDue = "past_due"
    /// A payment failed and the grace is over.
    case unpaid
    /// It ended, for good.
    case ended
}

/// Somebody went to pay for a plan; nothing changes until they have. Stream: the customer.
public struct CheckoutStarted: EventPayload {
    public static let type = "billing.checkout_started"
    public static let version = 1

    public var tier: Tier

    public init(tier: Tier) { self.tier = tier }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        tier = try reader.parsed("tier", Tier.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("tier", tier.rawValue)
    }
}

/// The payment provider said how a subscription stands. Stream: the customer. A plan that changes with it is the next
/// event.
public struct SubscriptionChanged: EventPayload {
    public static let type = "billing.subscription_changed"
    public static let version = 1

    /// When the provider's event was made, in seconds since 1970-01-01 UTC: they come in any order.
    public var eventCreated: Int64
    /// SHA-256 of the id of the provider's event, which counts once.
    public var eventSHA256: Hash
    /// When the plan ends unless a payment comes.
    public var graceEndsAt: Timestamp?
    /// The subscription's id at the provider, sealed under the customer's data key, in base64.
    public var sealedSubscription: String
    public var status: SubscriptionStatus
    /// SHA-256 of that id, which is too random to be guessed.
    public var subscriptionSHA256: Hash
    /// What it pays for.
    public var tier: Tier

    public init(
        eventCreated: Int64, eventSHA256: Hash, graceEndsAt: Timestamp?, sealedSubscription: String,
        status: SubscriptionStatus, subscriptionSHA256: Hash, tier: Tier
    ) {
        self.eventCreated = eventCreated
        self.eventSHA256 = eventSHA256
        self.graceEndsAt = graceEndsAt
        self.sealedSubscription = sealedSubscription
        self.status = status
        self.subscriptionSHA256 = subscriptionSHA256
        self.tier = tier
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        eventCreated = try reader.count("event_created")
        eventSHA256 = try reader.hash("event_sha256")
        graceEndsAt = try reader.optionalParsed("grace_ends_at", Timestamp.init(canonical:))
        sealedSubscription = try reader.parsed("sealed_subscription") { Base64.isCanonical($0) ? $0 : nil }
        status = try reader.parsed("status", SubscriptionStatus.init(rawValue:))
        subscriptionSHA256 = try reader.hash("subscription_sha256")
        tier = try reader.parsed("tier", Tier.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("event_created", eventCreated)
        members.add("event_sha256", eventSHA256.hex)
        members.add("grace_ends_at", graceEndsAt?.text)
        members.add("sealed_subscription", sealedSubscription)
        members.add("status", status.rawValue)
        members.add("subscription_sha256", subscriptionSHA256.hex)
        members.add("tier", tier.rawValue)
    }
}

/// The grace after a failed payment is over. Stream: the customer. The fall to the free plan is the next event.
public struct GraceEnded: EventPayload {
    public static let type = "billing.grace_ended"
    public static let version = 1

    public var subscriptionSHA256: Hash

    public init(subscriptionSHA256: Hash) { self.subscriptionSHA256 = subscriptionSHA256 }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        subscriptionSHA256 = try reader.hash("subscription_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("subscription_sha256", subscriptionSHA256.hex)
    }
}
