public import Proofs
public import EventStore
public import Merkle

/// What the rules need to know of an API key.
public struct KeyRecord: Sendable, Equatable, KeyRestrictions {
    public let id: KeyID
    public let customerID: CustomerID
    public let prefix: KeyPrefix
    public let permissions: Permissions
    public let expiresAt: Timestamp?
    /// SHA-256 of the current secret.
    public internal(set) var secretSHA256: Hash
    public internal(set) var allowedAddresses: [AddressRange]
    /// The key's own limit; the plan may have a lower one.
    public internal(set) var monthlyLimit: Int64?
    public internal(set) var isRevoked = false
    /// Replaced secrets that may still be in their grace.
    var replacedSecrets: [Hash] = []
    /// The last day on which a refusal was recorded, by reason.
    var refusalDays: [KeyRefusal: String] = [:]
    /// The day of the last block of requests that was reserved, and what of it may still be returned.
    var reservedDay = ""
    var reservedRequests: Int64 = 0
    var cycleStart: Timestamp
    var requests: Int64 = 0

    /// Live or test.
    public var environment: KeyEnvironment { prefix.environment }

    /// Requests counted in `cycle`, reserved ones included.
    public func requests(in cycle: BillingCycle) -> Int64 { cycleStart == cycle.start ? requests : 0 }

    /// Whether a refusal for `reason` stands in the log for the day of `time` or a later one.
    public func hasRecordedRefusal(_ reason: KeyRefusal, at time: Timestamp) -> Bool {
        refusalDays[reason].map { $0 >= time.dayText } ?? false
    }

    mutating func count(requests: Int64, in cycle: BillingCycle) {
        if cycleStart != cycle.start { (cycleStart, self.requests) = (cycle.start, 0) }
        self.requests += requests
    }
}

extension KeyRecord {
    init(_ event: KeyIssued, cycle: BillingCycle) {
        self.init(
            id: event.keyID, customerID: event.customerID, prefix: event.prefix, permissions: event.permissions,
            expiresAt: event.expiresAt, secretSHA256: event.secretSHA256, allowedAddresses: event.allowedAddresses,
            monthlyLimit: event.monthlyLimit, cycleStart: cycle.start)
    }

    /// Requests that the key may make in a month on `plan`: the lower of its own limit and the plan's.
    public func requestsPerMonth(on plan: Plan) -> Int64? {
        [monthlyLimit, plan.requestsPerMonth(of: prefix).map(Int64.init)].compactMap { $0 }.min()
    }
}

/// A secret that a key has or had.
struct SecretRecord: Sendable, Equatable {
    let keyID: KeyID
    /// The first moment at which it no longer works; nil for the current one.
    var endsAt: Timestamp?
}
