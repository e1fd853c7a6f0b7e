import CLinux
import EventStore
import Ledger
import Merkle
import Proofs

/// The contents of a ``KeyDirectory``: every secret with all that a request needs to know of its key in one record of
/// 128 bytes, the records side by side, and a ``SlotTable`` in front.
///
/// A look-up touches one slot and one record, so that among a hundred thousand keys it waits for memory twice, and not
/// for each of the objects that a dictionary of keys would lead through; the slots of so many, a megabyte, stay in the
/// processor's own cache (docs/benchmarks.md).
struct KeyTable: ~Copyable {
    /// A secret and its key. The order of the fields leaves no gaps.
    ///
    /// Not private: Swift 6.3's debug builds crash over a private type as the argument of a generic type of another file.
    struct Record {
        let hash: Hash
        var entry: KeyEntry
        /// The record of the key's secret before this one.
        let previous: UInt32
        /// Microseconds since 1970-01-01; ``never`` for the key's current secret.
        var endsAt: Int64

        static let never = Int64.max

        var secret: KeyEntry.Secret {
            KeyEntry.Secret(sha256: hash, endsAt: endsAt == Self.never ? nil : Timestamp(microseconds: endsAt))
        }
    }

    /// Number of no record.
    private static let none = UInt32.max

    private var records = PackedArray<Record>(capacity: 8)
    private var bySecret = SlotTable()
    /// The record of each key's newest secret.
    private var newest = SlotTable()

    init(_ keys: [KeyWithSecrets] = []) {
        for key in keys { put(key) }
    }

    /// How many keys there are.
    var count: Int { newest.count }

    /// The key of which this is or was a secret, compared over the whole hash in constant time.
    func find(secretSHA256 hash: Hash) -> KeyDirectory.Found? {
        guard let index = index(of: hash) else { return nil }
        let record = records[index]
        return KeyDirectory.Found(key: record.entry, secretEndsAt: record.secret.endsAt)
    }

    /// Has the processor fetch the slot at which ``find(secretSHA256:)`` will begin.
    func prefetchSlot(of hash: Hash) { bySecret.prefetch(Self.slotHash(of: hash)) }

    /// Has it fetch the record that the slot names, if there is one; waits for nothing but the slot.
    func prefetchRecord(of hash: Hash) {
        if let index = bySecret.guess(Self.slotHash(of: hash)) { records.prefetch(index) }
    }

    func find(_ id: KeyID) -> KeyEntry? {
        guard let index = newestRecord(of: id) else { return nil }
        return records[index].entry
    }

    /// The key with every secret that it ever had.
    func findWithSecrets(_ id: KeyID) -> KeyWithSecrets? {
        guard let number = newestRecord(of: id) else { return nil }
        let entry = records[number].entry
        var secrets: [KeyEntry.Secret] = []
        var index = UInt32(number)
        while index != Self.none {
            secrets.append(records[Int(index)].secret)
            index = records[Int(index)].previous
        }
        secrets.reverse()
        return KeyWithSecrets(entry: entry, secrets: secrets)
    }

    /// Adds the key, or replaces what is there of it. Secrets are only ever added to a key.
    mutating func put(_ key: KeyWithSecrets) {
        for secret in key.secrets {
            let endsAt = secret.endsAt?.microseconds ?? Record.never
            if let index = index(of: secret.sha256) {
                records[index].entry = key.entry
                records[index].endsAt = endsAt
            } else {
                let previous = newestRecord(of: key.entry.id).map { UInt32($0) } ?? Self.none
                records.append(
                    Record(hash: secret.sha256, entry: key.entry, previous: previous, endsAt: endsAt))
                occupySlots()
            }
        }
    }

    /// Puts the last record into the tables of slots, or all of them when these had to grow.
    private mutating func occupySlots() {
        let isGrown = bySecret.makeRoom(for: records.count)
        // The numbers of both are those of records, so both grow at once.
        _ = newest.makeRoom(for: records.count)
        for index in (isGrown ? 0 : records.count - 1)..<records.count {
            bySecret.insert(index, Self.slotHash(of: records[index].hash))
            let id = records[index].entry.id
            if let older = newestRecord(of: id) {
                newest.replace(older, with: index, Self.slotHash(of: id))
            } else {
                newest.insert(index, Self.slotHash(of: id))
            }
        }
    }

    private func newestRecord(of id: KeyID) -> Int? {
        newest.find(Self.slotHash(of: id)) { records[$0].entry.id == id }
    }

    private func index(of hash: Hash) -> Int? {
        bySecret.find(Self.slotHash(of: hash)) { APIKey.areSame(records[$0].hash, hash) }
    }

    /// Eight of its bytes: all that the time of a look-up can depend on.
    private static func slotHash(of hash: Hash) -> UInt64 {
        hash.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }

    /// Identifiers are drawn at random, by the server alone.
    private static func slotHash(of id: KeyID) -> UInt64 { id.low }
}
