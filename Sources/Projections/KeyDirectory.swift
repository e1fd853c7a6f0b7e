public import EventStore
public import Ledger
public import Merkle
public import Proofs
import Synchronization

/// All API keys by the hash of their secrets, in step with the projections: what ``ProjectionStore/apply(_:)`` changes is
/// here when it returns. Built from the tables when the file is opened.
///
/// Safe for any number of callers; a look-up holds a lock for its length, two accesses to memory (``KeyTable``). Its place
/// in the table comes from eight bytes of the hash; the whole hashes are then compared in constant time.
public final class KeyDirectory: Sendable {
    /// What a presented secret is.
    public struct Found: Sendable {
        public let key: KeyEntry
        /// The first moment at which this secret no longer works; nil for the key's current one.
        public let secretEndsAt: Timestamp?

        /// Why a request with this secret is refused, or nil. The month's requests are not looked at.
        public func refusal(from address: InternetAddress?, at time: Timestamp) -> KeyRefusal? {
            key.refusal(secretEndsAt: secretEndsAt, from: address, at: time)
        }
    }

    private let table = Mutex(KeyTable())

    init() {}

    /// The key that somebody presents; nil when there never was one with this text. About a microsecond, however many
    /// keys there are: the memory that holds the key is on its way while the text's form and checksum are looked at.
    ///
    /// - Throws: ``ProofError/Code/invalidInput`` for a text that no key can have.
    public func find(presented text: String) throws(ProofError) -> Found? {
        let hash = APIKey.storedHash(of: text)
        table.withLock { $0.prefetchSlot(of: hash) }
        _ = try APIKey(parsing: text) { table.withLock { $0.prefetchRecord(of: hash) } }
        return find(secretSHA256: hash)
    }

    /// The key of which this is, or was, the SHA-256 of a whole text; nil when there never was one.
    public func find(secretSHA256: Hash) -> Found? { table.withLock { $0.find(secretSHA256: secretSHA256) } }

    /// The key called `id`, revoked and expired ones included, or nil.
    public func find(_ id: KeyID) -> KeyEntry? { table.withLock { $0.find(id) } }

    /// The key called `id` with every secret it ever had, or nil.
    func findWithSecrets(_ id: KeyID) -> KeyWithSecrets? { table.withLock { $0.findWithSecrets(id) } }

    /// How many keys there are, revoked and expired ones included.
    public var count: Int { table.withLock { $0.count } }

    /// Adds or replaces `keys`, all at once.
    func publish(_ keys: some Collection<KeyWithSecrets>) {
        guard !keys.isEmpty else { return }
        table.withLock { table in
            for key in keys { table.put(key) }
        }
    }

    /// Exchanges everything at once: nobody sees a directory that is half full.
    func replaceAll(with keys: [KeyWithSecrets]) {
        table.withLock { $0 = KeyTable(keys) }
    }
}
