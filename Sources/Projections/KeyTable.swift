import CLinux
import EventStore
import Ledger
import Merkle
import Proofs

/// The contents of a ``KeyDirectory``: every secret with all that a request needs to know of its key in one record of
/// 128 bytes, the records side by side, and an open-addressing table of four bytes a slot in front.
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
    private static let slotsMin = 16

    private var records = PackedArray<Record>(capacity: slotsMin / 2)
    /// Of each used slot the number of a record, plus one, in the lower bits, and in the upper ones, as many as that leaves,
    /// bits of its hash; zero when it is free. Their number is a power of two, at least twice that of the records.
    private var slots = PackedArray<UInt32>(repeating: 0, count: slotsMin)
    /// The record of each key's newest secret.
    private var newest: [KeyID: UInt32] = [:]

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
    func prefetchSlot(of hash: Hash) { slots.prefetch(place(of: hash).start) }

    /// Has it fetch the record that the slot names, if there is one; waits for nothing but the slot.
    func prefetchRecord(of hash: Hash) {
        let slot = slots[place(of: hash).start]
        if slot != 0 { records.prefetch(Int(slot & UInt32(slotMask)) - 1) }
    }

    func find(_ id: KeyID) -> KeyEntry? { newest[id].map { records[Int($0)].entry } }

    /// The key with every secret that it ever had.
    func findWithSecrets(_ id: KeyID) -> KeyWithSecrets? {
        guard var index = newest[id] else { return nil }
        let entry = records[Int(index)].entry
        var secrets: [KeyEntry.Secret] = []
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
                let record = Record(
                    hash: secret.sha256, entry: key.entry, previous: newest[key.entry.id] ?? Self.none, endsAt: endsAt)
                newest[key.entry.id] = UInt32(records.count)
                append(record)
            }
        }
    }

    private mutating func append(_ record: Record) {
        records.append(record)
        if records.count * 2 > slots.count {
            slots = PackedArray(repeating: 0, count: slots.count * 2)
            for index in 0..<records.count { occupySlot(of: index) }
        } else {
            occupySlot(of: records.count - 1)
        }
    }

    private mutating func occupySlot(of index: Int) {
        let (start, tag) = place(of: records[index].hash)
        var slot = start
        while slots[slot] != 0 { slot = (slot + 1) & slotMask }
        slots[slot] = tag | UInt32(index + 1)
    }

    private func index(of hash: Hash) -> Int? {
        let (start, tag) = place(of: hash)
        var slot = start
        while slots[slot] != 0 {
            if slots[slot] & ~UInt32(slotMask) == tag {
                let index = Int(slots[slot] & UInt32(slotMask)) - 1
                if APIKey.areSame(records[index].hash, hash) { return index }
            }
            slot = (slot + 1) & slotMask
        }
        return nil
    }

    /// The bits of a slot's number, and of a record's: there are half as many records.
    private var slotMask: Int { slots.count - 1 }

    /// Where a look-up begins, and what the slot remembers of the hash beside a record's number: eight of its bytes are
    /// all that the time of a look-up can depend on.
    private func place(of hash: Hash) -> (start: Int, tag: UInt32) {
        hash.withUnsafeBytes {
            (
                Int(truncatingIfNeeded: $0.loadUnaligned(as: UInt32.self)) & slotMask,
                $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) & ~UInt32(slotMask)
            )
        }
    }
}
