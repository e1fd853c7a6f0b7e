/// Where the rows of a table stand by something random that each of them holds, in memory: an open-addressing table of
/// eight bytes a slot, at least twice as many slots as rows.
///
/// A database's index of random texts costs each new row a page of its own, to be written, synced and moved; this costs none
/// (docs/benchmarks.md). It knows 32 bits of a hash, so whoever looks up asks the table itself whether a row is meant.
struct RowIndex {
    /// Highest number that a row may have.
    static let numberMax = Int64(UInt32.max)

    private static let slotsMin = 16
    private static let free: UInt64 = 0
    /// No row has the number 0.
    private static let removed: UInt64 = 1 << 32

    /// The hash in the upper half, the row's number in the lower one. Their number is a power of two.
    private var slots = [UInt64](repeating: free, count: slotsMin)
    /// Slots that are not free, the removed ones included.
    private var used = 0
    /// How many slots there are.
    var slotCount: Int { slots.count }
    /// Rows in it.
    private(set) var count = 0

    /// The number of the first row with this hash of which `isMeant` says yes, or nil.
    func find<Failure: Error>(
        _ hash: UInt32, where isMeant: (Int64) throws(Failure) -> Bool
    ) throws(Failure) -> Int64? {
        var place = place(of: hash)
        while slots[place] != Self.free {
            if let number = number(at: place, of: hash), try isMeant(number) { return number }
            place = next(place)
        }
        return nil
    }

    /// Adds the row called `number`, 1 to ``numberMax``.
    mutating func insert(_ number: Int64, _ hash: UInt32) {
        if (used + 1) * 2 > slots.count { rebuild() }
        put(UInt64(hash) << 32 | UInt64(number))
        used += 1
        count += 1
    }

    /// Removes the row; nothing when it is not there.
    mutating func remove(_ number: Int64, _ hash: UInt32) {
        var place = place(of: hash)
        while slots[place] != Self.free {
            if self.number(at: place, of: hash) == number {
                slots[place] = Self.removed
                count -= 1
                return
            }
            place = next(place)
        }
    }

    /// Without the removed ones, with room for as many rows again.
    private mutating func rebuild() {
        let old = slots
        var size = Self.slotsMin
        while size < (count + 1) * 4 { size *= 2 }
        slots = [UInt64](repeating: Self.free, count: size)
        used = count
        for slot in old where slot & UInt64(UInt32.max) != 0 { put(slot) }
    }

    private mutating func put(_ slot: UInt64) {
        var place = place(of: UInt32(slot >> 32))
        while slots[place] != Self.free { place = next(place) }
        slots[place] = slot
    }

    /// The row's number, if the slot holds one with this hash.
    private func number(at place: Int, of hash: UInt32) -> Int64? {
        let slot = slots[place]
        let number = slot & UInt64(UInt32.max)
        return number != 0 && slot >> 32 == UInt64(hash) ? Int64(number) : nil
    }

    private func place(of hash: UInt32) -> Int { Int(hash) & (slots.count - 1) }

    private func next(_ place: Int) -> Int { (place + 1) & (slots.count - 1) }
}
