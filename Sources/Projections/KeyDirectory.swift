import Proofs
public import EventStore
public import Ledger
public import Merkle
import Synchronization

/// All API keys by the hash of their secrets, in step with the projections: what ``ProjectionStore/apply(_:)`` changes is
/// here when it returns. Built from the tables when the file is opened.
///
/// Safe for any number of callers; a look-up is one hash table access under a lock held for its length. The table knows
/// only eight bytes of each hash; the whole hashes are then compared in constant time.
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

    /// A secret with its key; those that share the eight bytes hang together.
    private final class Slot: Sendable {
        let secret: KeyEntry.Secret
        let key: KeyEntry
        let next: Slot?

        init(_ secret: KeyEntry.Secret, _ key: KeyEntry, next: Slot?) {
            self.secret = secret
            self.key = key
            self.next = next
        }

        /// The others of the chain, without the secret `hash`.
        static func removing(_ hash: Hash, from slot: Slot?) -> Slot? {
            guard let slot else { return nil }
            return slot.secret.sha256 == hash
                ? slot.next : Slot(slot.secret, slot.key, next: removing(hash, from: slot.next))
        }
    }

    private struct Contents {
        var slots: [UInt64: Slot] = [:]
        var keys: [KeyID: KeyEntry] = [:]
    }

    private let contents = Mutex(Contents())

    init() {}

    /// The key of which this is, or was, the SHA-256 of a whole text; nil when there never was one.
    public func find(secretSHA256: Hash) -> Found? {
        let tag = Self.tag(of: secretSHA256)
        var slot = contents.withLock { $0.slots[tag] }
        while let candidate = slot {
            if APIKey.areSame(candidate.secret.sha256, secretSHA256) {
                return Found(key: candidate.key, secretEndsAt: candidate.secret.endsAt)
            }
            slot = candidate.next
        }
        return nil
    }

    /// The key called `id`, revoked and expired ones included, or nil.
    public func find(_ id: KeyID) -> KeyEntry? { contents.withLock { $0.keys[id] } }

    /// How many keys there are, revoked and expired ones included.
    public var count: Int { contents.withLock { $0.keys.count } }

    /// Adds or replaces `entries`, all at once.
    func publish(_ entries: some Collection<KeyEntry>) {
        guard !entries.isEmpty else { return }
        contents.withLock { contents in
            for entry in entries {
                contents.keys[entry.id] = entry
                for secret in entry.secrets {
                    let tag = Self.tag(of: secret.sha256)
                    let others = Slot.removing(secret.sha256, from: contents.slots[tag])
                    contents.slots[tag] = Slot(secret, entry, next: others)
                }
            }
        }
    }

    func replaceAll(with entries: [KeyEntry]) {
        contents.withLock { $0 = Contents() }
        publish(entries)
    }

    /// Eight of the hash's bytes: enough to find it, and all that the time of a look-up can depend on.
    private static func tag(of hash: Hash) -> UInt64 {
        hash.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }
}
