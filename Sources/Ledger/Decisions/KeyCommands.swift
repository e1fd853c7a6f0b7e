public import Proofs
public import EventStore
public import Merkle

/// An API key that was just made; the key itself stays with the caller.
public struct NewKey: Sendable {
    public var id: KeyID
    /// 1 to 100 characters, none of them a control character.
    public var name: String
    public var prefix: KeyPrefix
    /// The beginning of the key that lists show, at most 16 bytes.
    public var display: String
    /// SHA-256 of the whole key.
    public var secretSHA256: Hash
    public var permissions: Permissions
    /// Later than now; nil for never.
    public var expiresAt: Timestamp?
    /// At most ``KeyLimits/allowedAddressesMax``; empty for anywhere, or for what the key that asks is bound to.
    public var allowedAddresses: [AddressRange]
    /// 1 to ``KeyLimits/monthlyLimitMax`` requests; nil for what the plan allows.
    public var monthlyLimit: Int64?

    public init(
        id: KeyID, name: String, prefix: KeyPrefix, display: String, secretSHA256: Hash, permissions: Permissions,
        expiresAt: Timestamp? = nil, allowedAddresses: [AddressRange] = [], monthlyLimit: Int64? = nil
    ) {
        self.id = id
        self.name = name
        self.prefix = prefix
        self.display = display
        self.secretSHA256 = secretSHA256
        self.permissions = permissions
        self.expiresAt = expiresAt
        self.allowedAddresses = allowedAddresses
        self.monthlyLimit = monthlyLimit
    }
}

/// Another key for a customer; never with more permissions, or from more addresses, than the key that asks.
public struct IssueKey: Sendable {
    public var customerID: CustomerID
    public var key: NewKey
    /// A plan up to the customer's, to whose monthly number the key is held; nil for the customer's, whatever it becomes.
    public var tier: Tier?

    public init(customerID: CustomerID, key: NewKey, tier: Tier? = nil) {
        self.customerID = customerID
        self.key = key
        self.tier = tier
    }
}

/// Another name or other bounds for a key; nil leaves each as it is.
public struct ChangeKey: Sendable {
    public var keyID: KeyID
    public var name: String?
    /// Empty for anywhere.
    public var allowedAddresses: [AddressRange]?
    public var monthlyLimit: KeyChanged.MonthlyLimit?

    public init(
        keyID: KeyID, name: String? = nil, allowedAddresses: [AddressRange]? = nil,
        monthlyLimit: KeyChanged.MonthlyLimit? = nil
    ) {
        self.keyID = keyID
        self.name = name
        self.allowedAddresses = allowedAddresses
        self.monthlyLimit = monthlyLimit
    }
}

/// A new secret for a key under the same id.
public struct RotateKey: Sendable {
    public var keyID: KeyID
    /// The beginning of the new secret.
    public var display: String
    /// SHA-256 of the whole new key.
    public var secretSHA256: Hash
    /// How long the secret before still works, 0 to ``KeyLimits/graceSecondsMax`` seconds.
    public var graceSeconds: Int64

    public init(keyID: KeyID, display: String, secretSHA256: Hash, graceSeconds: Int64 = 0) {
        self.keyID = keyID
        self.display = display
        self.secretSHA256 = secretSHA256
        self.graceSeconds = graceSeconds
    }
}

/// The end of a key, for ever.
public struct RevokeKey: Sendable {
    public var keyID: KeyID

    public init(keyID: KeyID) { self.keyID = keyID }
}

/// Somebody presented a known key and was refused. Refused itself with `conflict` when the day has such a record.
public struct RecordKeyRefusal: Sendable {
    public var keyID: KeyID
    public var reason: KeyRefusal

    public init(keyID: KeyID, reason: KeyRefusal) {
        self.keyID = keyID
        self.reason = reason
    }
}

/// A block of requests of a key, reserved before they are served.
///
/// Of what is asked for as much is granted as the month still allows; the event says how much.
public struct ReserveRequests: Sendable {
    public var keyID: KeyID
    /// At least 1.
    public var requests: Int64
    /// What was not used of the block before, given back in the same commit.
    public var unused: Int64

    public init(keyID: KeyID, requests: Int64, unused: Int64 = 0) {
        self.keyID = keyID
        self.requests = requests
        self.unused = unused
    }
}

/// The rest of the last block of requests, given back.
public struct ReturnRequests: Sendable {
    public var keyID: KeyID
    /// At least 1, at most what was reserved and not returned yet.
    public var requests: Int64

    public init(keyID: KeyID, requests: Int64) {
        self.keyID = keyID
        self.requests = requests
    }
}
