public import Proofs
public import EventStore
public import Ledger
public import Merkle
import Synchronization

/// What a request's key allows, in memory.
public struct KeyEntry: Sendable, Equatable {
    public let id: KeyID
    public let customerID: CustomerID
    public internal(set) var tier: Tier
    public let prefix: KeyPrefix
    public let permissions: Permissions
    public let expiresAt: Timestamp?
    public internal(set) var isRevoked: Bool
    /// Row numbers, for the projections themselves.
    let sequence: Int64
    let customer: Int64
    let secretSHA256: Hash

    /// Live or test.
    public var environment: KeyEnvironment { prefix.environment }

    /// Whether a request with this key is accepted at `time`.
    public func isActive(at time: Timestamp) -> Bool { !isRevoked && expiresAt.map { time < $0 } ?? true }
}

/// All API keys by the hash of their secret, in step with the projections: what ``ProjectionStore/apply(_:)`` changes is
/// here when it returns. Built from the table when the file is opened.
///
/// Safe for any number of callers; a look-up is one hash table access under a lock held for its length.
public final class KeyDirectory: Sendable {
    private struct Contents {
        var bySecret: [Hash: KeyEntry] = [:]
        var secrets: [KeyID: Hash] = [:]
    }

    private let contents = Mutex(Contents())

    init() {}

    /// The key whose whole text has this SHA-256, revoked and expired ones included, or nil.
    public func find(secretSHA256: Hash) -> KeyEntry? { contents.withLock { $0.bySecret[secretSHA256] } }

    /// The key called `id`, revoked and expired ones included, or nil.
    public func find(_ id: KeyID) -> KeyEntry? {
        contents.withLock { contents in contents.secrets[id].flatMap { contents.bySecret[$0] } }
    }

    /// How many keys there are, revoked and expired ones included.
    public var count: Int { contents.withLock { $0.bySecret.count } }

    /// Adds or replaces `entries`, all at once.
    func publish(_ entries: some Collection<KeyEntry>) {
        guard !entries.isEmpty else { return }
        contents.withLock { contents in
            for entry in entries {
                contents.bySecret[entry.secretSHA256] = entry
                contents.secrets[entry.id] = entry.secretSHA256
            }
        }
    }

    func replaceAll(with entries: [KeyEntry]) {
        contents.withLock { $0 = Contents() }
        publish(entries)
    }
}

extension KeyEntry {
    static let allSQL = """
        SELECT k.id, c.id, c.tier, k.prefix, k.permissions, k.expires_at, k.revoked_at IS NOT NULL, k.sequence,
            k.customer, k.secret_sha256
        FROM api_keys k JOIN customers c ON c.sequence = k.customer
        """

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
        guard let secret = Hash(bytes: row.blob(9)) else {
            throw ProjectionError(.damaged, "a key's hash does not have 32 bytes; rebuild the file")
        }
        secretSHA256 = secret
    }
}
