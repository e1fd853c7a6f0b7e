public import Proofs
public import EventStore
public import Ledger
public import Merkle
import SQLite

/// What a request's key allows, in memory.
public struct KeyEntry: Sendable, Equatable, KeyRestrictions {
    /// A secret that the key has or had.
    public struct Secret: Sendable, Equatable {
        public let sha256: Hash
        /// The first moment at which it no longer works; nil for the current one.
        public internal(set) var endsAt: Timestamp?
    }

    public let id: KeyID
    public let customerID: CustomerID
    /// Row numbers, for the projections themselves.
    let sequence: Int64
    let customer: Int64
    public internal(set) var allowedAddresses: [AddressRange]
    public let expiresAt: Timestamp?
    public internal(set) var tier: Tier
    public let prefix: KeyPrefix
    public internal(set) var isRevoked: Bool
    public let permissions: Permissions
    /// The key's own limit; the plan may have a lower one.
    public internal(set) var monthlyLimit: Int64?

    /// Live or test.
    public var environment: KeyEnvironment { prefix.environment }

    /// Requests that the key may make in a month: the lower of its own limit and its plan's; nil for no limit.
    public var requestsPerMonth: Int64? {
        [monthlyLimit, Plan.of(tier).requestsPerMonth(of: prefix).map(Int64.init)].compactMap { $0 }.min()
    }

    mutating func change(_ event: KeyChanged) {
        if let ranges = event.allowedAddresses { allowedAddresses = ranges }
        if let limit = event.monthlyLimit { monthlyLimit = limit.requests }
    }
}

extension KeyEntry {
    static let allSQL = """
        SELECT k.id, c.id, c.tier, k.prefix, k.permissions, k.expires_at, k.revoked_at IS NOT NULL, k.sequence,
            k.customer, k.allowed_addresses, k.monthly_limit, k.secret_sha256
        FROM api_keys k JOIN customers c ON c.sequence = k.customer
        """
    /// Where the hash of its current secret stands in a row of ``allSQL``.
    static let secretColumn: Int32 = 11

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, KeyID.init)
        customerID = try row.parsed(1, CustomerID.init)
        tier = try row.parsed(2, Tier.init(rawValue:))
        prefix = try row.parsed(3, KeyPrefix.init(rawValue:))
        permissions = Permissions(rawValue: UInt32(truncatingIfNeeded: row.integer(4)))
        expiresAt = row.optionalInteger(5).map(Timestamp.init(microseconds:))
        isRevoked = row.integer(6) != 0
        sequence = row.integer(7)
        customer = row.integer(8)
        allowedAddresses = try row.parsed(9, KeysTable.addresses)
        monthlyLimit = row.optionalInteger(10)
    }

    init(_ event: KeyIssued, tier: Tier, sequence: Int64, customer: Int64) {
        id = event.keyID
        customerID = event.customerID
        self.tier = tier
        prefix = event.prefix
        permissions = event.permissions
        expiresAt = event.expiresAt
        isRevoked = false
        allowedAddresses = event.allowedAddresses
        monthlyLimit = event.monthlyLimit
        self.sequence = sequence
        self.customer = customer
    }
}

/// A key with every secret it ever had, the current one last: what rotations work on.
struct KeyWithSecrets {
    var entry: KeyEntry
    var secrets: [KeyEntry.Secret]

    /// Ends secrets as ``KeyRotated`` says and adds the new one.
    mutating func rotate(_ event: KeyRotated, at time: Timestamp) {
        for index in secrets.indices {
            if secrets[index].endsAt == nil {
                secrets[index].endsAt = event.previousEndsAt ?? time
            } else if event.previousEndsAt == nil, let end = secrets[index].endsAt, end > time {
                secrets[index].endsAt = time
            }
        }
        secrets.append(KeyEntry.Secret(sha256: event.secretSHA256, endsAt: nil))
    }
}
