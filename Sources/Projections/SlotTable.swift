/// Numbers of records by a hash of what they are looked up with: an open-addressing table of four bytes a slot.
///
/// It knows a few bits of each hash, so whoever looks up asks the record itself whether it is meant. Small enough to stay in the
/// processor's own cache with a hundred thousand records (docs/benchmarks.md).
struct SlotTable: ~Copyable {
    private static let slotsMin = 16
    private static let free: UInt32 = 0

    /// Of each used slot the number of a record, plus one, in the lower bits, and in the upper ones, as many as that leaves,
    /// bits of its hash. Their number is a power of two, at least twice that of the records.
    private var slots = PackedArray<UInt32>(repeating: free, count: slotsMin)
    /// Slots that are used.
    private(set) var count = 0

    /// Has the processor fetch the slot at which a search for `hash` begins.
    func prefetch(_ hash: UInt64) { slots.prefetch(start(of: hash)) }

    /// The number in the slot at which a search for `hash` begins: most often the one that is searched for. Nil for a free slot.
    func guess(_ hash: UInt64) -> Int? { number(at: start(of: hash)) }

    /// The number with this hash of which `isMeant` says yes, or nil. All that the time of a look-up depends on is `hash`, and
    /// what `isMeant` does.
    @inline(__always)
    func find(_ hash: UInt64, where isMeant: (Int) -> Bool) -> Int? {
        guard let slot = slot(of: hash, where: isMeant) else { return nil }
        return number(at: slot)
    }

    /// Makes room for the numbers below `count`.
    ///
    /// - Returns: whether it grew; it is empty then, and everything must be put into it again.
    mutating func makeRoom(for count: Int) -> Bool {
        guard count * 2 > slots.count else { return false }
        var size = slots.count
        while size < count * 2 { size *= 2 }
        slots = PackedArray(repeating: Self.free, count: size)
        self.count = 0
        return true
    }

    /// Adds a number that is not there; ``makeRoom(for:)`` comes before.
    mutating func insert(_ number: Int, _ hash: UInt64) {
        var slot = start(of: hash)
        while slots[slot] != Self.free { slot = (slot + 1) & mask }
        slots[slot] = tag(of: hash) | UInt32(number + 1)
        count += 1
    }

    /// Puts another number in the place of `old`, which has the same hash.
    mutating func replace(_ old: Int, with number: Int, _ hash: UInt64) {
        guard let slot = slot(of: hash, where: { $0 == old }) else { return }
        slots[slot] = tag(of: hash) | UInt32(number + 1)
    }

    @inline(__always)
    private func slot(of hash: UInt64, where isMeant: (Int) -> Bool) -> Int? {
        let tag = tag(of: hash)
        var slot = start(of: hash)
        while let number = number(at: slot) {
            if slots[slot] & ~UInt32(mask) == tag, isMeant(number) { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func number(at slot: Int) -> Int? {
        let content = slots[slot]
        return content == Self.free ? nil : Int(content & UInt32(mask)) - 1
    }

    /// The bits of a slot's number, and of a record's: there are half as many records.
    private var mask: Int { slots.count - 1 }

    private func start(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash & UInt64(UInt32.max)) & mask }

    private func tag(of hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) & ~UInt32(mask) }
}
