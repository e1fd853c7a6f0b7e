import Testing

@testable import Vault

@Suite("Finding rows in memory")
struct RowIndexTests {
    @Test(
        "After any insertions and removals it finds exactly the rows that are there, however few hashes there are",
        arguments: [1, 7, 500, 1_000_000] as [UInt32])
    func model(hashes: UInt32) {
        var generator = SystemRandomNumberGenerator()
        var index = RowIndex()
        var model: [Int64: UInt32] = [:]
        for number in 1...2_000 as ClosedRange<Int64> {
            // Hashes whose lower bits agree, so that slots collide.
            let hash = UInt32.random(in: 0..<hashes, using: &generator) << 12
            index.insert(number, hash)
            model[number] = hash
            if number.isMultiple(of: 3), let (old, oldHash) = model.randomElement(using: &generator) {
                index.remove(old, oldHash)
                index.remove(old, oldHash)
                model[old] = nil
            }
            #expect(index.count == model.count)
        }
        // What comes after a removal takes its place; here nothing does, so that rows are looked for behind what is gone.
        for (number, hash) in model.shuffled(using: &generator).prefix(400) {
            index.remove(number, hash)
            model[number] = nil
        }
        for number in 1...2_000 as ClosedRange<Int64> {
            let hash = model[number]
            #expect(index.find(hash ?? 0) { $0 == number } == (hash == nil ? nil : number))
        }
        for (number, hash) in model {
            var offered: Set<Int64> = []
            #expect(index.find(hash) { !offered.insert($0).inserted } == nil, "each row is offered once")
            #expect(offered == Set(model.filter { $0.value == hash }.keys) && offered.contains(number))
        }
    }

    @Test("The highest number and the highest hash have a place")
    func limits() {
        var index = RowIndex()
        index.insert(RowIndex.numberMax, .max)
        #expect(index.find(.max) { _ in true } == RowIndex.numberMax)
        #expect(index.find(0) { _ in true } == nil)
    }

    @Test("What is removed as fast as it comes takes no room")
    func churn() {
        var index = RowIndex()
        for number in 1...100_000 as ClosedRange<Int64> {
            index.insert(number, UInt32(truncatingIfNeeded: number &* 2_654_435_761))
            index.remove(number, UInt32(truncatingIfNeeded: number &* 2_654_435_761))
        }
        #expect(index.count == 0 && index.slotCount == 16)
    }
}
