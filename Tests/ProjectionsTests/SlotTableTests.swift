import Ledger
@testable import Projections
import Testing

@Suite("Tables of what is found in memory")
struct SlotTableTests {
    /// A table over `hashes`, each of which has its place in the array as its number.
    private func table(of hashes: [UInt64]) -> SlotTable {
        var table = SlotTable()
        for count in 1...hashes.count {
            let isGrown = table.makeRoom(for: count)
            for number in (isGrown ? 0 : count - 1)..<count { table.insert(number, hashes[number]) }
        }
        return table
    }

    @Test("However often it grew, each number is found by its hash, and none by another")
    func grows() {
        let hashes = (0..<10_000 as Range<UInt64>).map { ($0 + 1) &* 0x9E37_79B9_7F4A_7C15 }
        let table = table(of: hashes)
        #expect(table.count == hashes.count)
        for (number, hash) in hashes.enumerated() {
            #expect(table.find(hash) { hashes[$0] == hash } == number)
            #expect(table.find(~hash) { hashes[$0] == ~hash } == nil)
        }
    }

    @Test("Of numbers with one hash the one that is meant is found, also where their run wraps around")
    func oneHash() {
        let hash = UInt64.max
        let table = table(of: [UInt64](repeating: hash, count: 40))
        for number in 0..<40 { #expect(table.find(hash) { $0 == number } == number) }
        #expect(table.find(hash) { _ in false } == nil)
    }

    @Test("A number that took another one's place is found, the other is not, and those behind it still are")
    func replaced() {
        var table = table(of: [7, 7, 7])
        table.replace(1, with: 5, 7)
        var seen: [Int] = []
        #expect(
            table.find(7) {
                seen.append($0)
                return false
            } == nil)
        #expect(seen.sorted() == [0, 2, 5] && table.count == 3)
    }

    @Test("Each of thousands of customers is found by its whole id, and keeps its row when it is added again")
    func customers() {
        let directory = CustomerDirectory()
        // Two of each have the half in common by which they are looked up.
        func id(_ number: UInt64) -> CustomerID { CustomerID(high: number, low: number / 2) }
        let places = (0..<5_000 as Range<UInt64>).map { CustomerDirectory.Place(id: id($0), sequence: Int64($0) * 3) }
        for start in stride(from: 0, to: places.count, by: 7) {
            directory.publish(Array(places[start..<min(start + 7, places.count)]))
        }
        directory.publish([CustomerDirectory.Place(id: id(9), sequence: 1)])
        for place in places { #expect(directory.find(place.id) == place.sequence) }
        #expect(directory.find(id(5_000)) == nil)
        directory.replaceAll(with: Array(places[..<2]))
        #expect(directory.find(id(1)) == 3 && directory.find(id(2)) == nil)
    }
}
