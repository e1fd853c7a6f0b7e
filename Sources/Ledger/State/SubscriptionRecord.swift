public import EventStore
public import Merkle

/// What the rules need to know of a customer's subscription.
public struct SubscriptionRecord: Sendable, Equatable {
    /// SHA-256 of its id at the payment provider.
    public let idSHA256: Hash
    /// That id, sealed under the customer's data key.
    public internal(set) var sealedID: String
    public internal(set) var status: SubscriptionStatus
    /// What it pays for.
    public internal(set) var tier: Tier
    /// When the plan ends unless a payment comes.
    public internal(set) var graceEndsAt: Timestamp?
    /// When the newest event of the provider was made, in seconds since 1970-01-01 UTC.
    var newestEvent: Int64
    /// SHA-256 of the ids of the provider's last events, oldest first.
    var recentEvents: [Hash]

    /// How long the plan holds after a payment failed: 7 days.
    public static let graceSeconds: Int64 = 7 * 86_400
    /// Events of the provider that are remembered. Older repeats are known by their time.
    static let recentEventsMax = 64

    /// Whether the provider still charges for it.
    public var isAlive: Bool { status != .ended }

    init(_ event: SubscriptionChanged, before: SubscriptionRecord?) {
        idSHA256 = event.subscriptionSHA256
        sealedID = event.sealedSubscription
        status = event.status
        tier = event.tier
        graceEndsAt = event.graceEndsAt
        newestEvent = event.eventCreated
        recentEvents = ((before?.recentEvents ?? []) + [event.eventSHA256]).suffix(Self.recentEventsMax)
    }
}
