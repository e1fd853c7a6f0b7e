import Testing

@testable import Projections

@Suite("Remembered reads")
struct ReadCacheTests {
    private struct Failed: Error {}

    @Test("what was read at a position is found again, and forgotten at the next")
    func positions() {
        let cache = ReadCache<String, Int>(countMax: 4)
        #expect(cache.value(for: "a", at: 1) { 1 } == 1)
        #expect(cache.value(for: "a", at: 1) { 2 } == 1)
        #expect(cache.value(for: "a", at: 2) { 3 } == 3)
        #expect(cache.value(for: "a", at: 2) { 4 } == 3)
    }

    @Test("a read that was slower than a change is not remembered as the newer one")
    func slowRead() {
        let cache = ReadCache<String, Int>(countMax: 4)
        #expect(cache.value(for: "b", at: 2) { 20 } == 20)
        #expect(cache.value(for: "a", at: 1) { 1 } == 1)
        #expect(cache.value(for: "a", at: 2) { 2 } == 2)
        #expect(cache.value(for: "b", at: 2) { 21 } == 20)
    }

    @Test("it does not grow beyond its size; what found no room is read each time")
    func full() {
        let cache = ReadCache<Int, Int>(countMax: 2)
        for key in 0..<3 { #expect(cache.value(for: key, at: 1) { key } == key) }
        #expect(cache.value(for: 1, at: 1) { 10 } == 1)
        #expect(cache.value(for: 2, at: 1) { 20 } == 20)
    }

    @Test("that nothing was found, or that reading failed, is not remembered")
    func nothing() throws {
        let cache = ReadCache<String, Int>(countMax: 2)
        #expect(cache.value(for: "a", at: 1) { nil } == nil)
        #expect(throws: Failed.self) { try cache.value(for: "a", at: 1) { () throws(Failed) in throw Failed() } }
        #expect(cache.value(for: "a", at: 1) { 5 } == 5)
    }
}
