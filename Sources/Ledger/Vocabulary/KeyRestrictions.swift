public import EventStore

/// Why a request was refused because of its API key. Stands in the owner's log; a caller who cannot prove to hold the key
/// is told less (docs/api.md).
public enum KeyRefusal: String, Sendable, CaseIterable {
    /// Not a key at all: wrong prefix, length, alphabet or checksum.
    case malformed
    /// A well-formed key that nobody was ever given.
    case unknown
    case revoked
    /// The key lives, this secret of it was replaced and its grace is over.
    case rotated
    case expired
    /// The request does not come from an address that the key allows.
    case wrongAddress = "wrong_address"
    /// The key's requests of this month are used up.
    case monthlyLimit = "monthly_limit"

    /// Whether it is known which key was refused, so that its owner can be told.
    public var namesAKey: Bool { self != .malformed && self != .unknown }
}

/// What an API key is bound to, wherever it is kept: one rule for the ledger's state and for the key directory.
public protocol KeyRestrictions {
    var isRevoked: Bool { get }
    /// The first moment at which the key no longer works; nil for never.
    var expiresAt: Timestamp? { get }
    /// Where requests may come from; empty for anywhere.
    var allowedAddresses: [AddressRange] { get }
}

extension KeyRestrictions {
    /// Whether the key itself works at `time`: neither revoked nor expired.
    public func isActive(at time: Timestamp) -> Bool { !isRevoked && expiresAt.map { time < $0 } ?? true }

    /// Why a request with one of the key's secrets is refused, or nil when it is accepted.
    ///
    /// - Parameters:
    ///   - secretEndsAt: the first moment at which that secret no longer works; nil for the current one.
    ///   - address: where the request comes from; nil when that is not known, which no restricted key allows.
    public func refusal(secretEndsAt: Timestamp?, from address: InternetAddress?, at time: Timestamp) -> KeyRefusal? {
        if isRevoked { return .revoked }
        if let secretEndsAt, time >= secretEndsAt { return .rotated }
        if let expiresAt, time >= expiresAt { return .expired }
        if allowedAddresses.isEmpty { return nil }
        guard let address, allowedAddresses.contain(address) else { return .wrongAddress }
        return nil
    }
}

/// Bounds of what a key can be told, beside those of the plan (``Plan``).
public enum KeyLimits {
    /// Ranges of allowed addresses.
    public static let allowedAddressesMax = 32
    /// Requests a month that a key of its own can be limited to.
    public static let monthlyLimitMax: Int64 = 1_000_000_000
    /// How long a replaced secret may still work: 30 days, in seconds.
    public static let graceSecondsMax: Int64 = 30 * 86_400
    /// Secrets of one key that work at the same time.
    public static let secretsMax = 5
    /// Of a monthly limit at most this part is reserved at once, and so lost by a crash.
    static let blocksPerMonthlyLimit: Int64 = 100
}
