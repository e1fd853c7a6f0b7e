import Testing

@testable import Vault

@Suite("Data keys in memory")
struct DataKeyCacheTests {
    private func fill(_ cache: DataKeyCache, _ customerID: String, with byte: UInt8) -> Bool {
        cache.insert(customerID) { slot in
            let wasZero = (0..<32).allSatisfy { slot[$0] == 0 }
            slot.update(repeating: byte, count: 32)
            return wasZero
        }
    }

    private func byte(_ cache: DataKeyCache, _ customerID: String) -> UInt8? {
        cache.withKey(of: customerID) { $0[31] }
    }

    @Test("each customer gets their own key back")
    func ownKey() throws {
        let cache = try DataKeyCache(keysMax: 4)
        for number in 1...4 { #expect(fill(cache, "c\(number)", with: UInt8(number))) }
        for number in 1...4 { #expect(byte(cache, "c\(number)") == UInt8(number)) }
        #expect(byte(cache, "c5") == nil)
    }

    @Test("never more keys than slots, and a slot is zeroed before another customer gets it")
    func bounded() throws {
        let cache = try DataKeyCache(keysMax: 4)
        for number in 0..<100 { #expect(fill(cache, "c\(number)", with: 0xFF), "the slot held zeros") }
        #expect((0..<100).count { byte(cache, "c\($0)") != nil } == 4)
    }

    @Test("a key in use outlives keys that are not")
    func recent() throws {
        let cache = try DataKeyCache(keysMax: 4)
        for number in 0..<4 { _ = fill(cache, "c\(number)", with: 1) }
        _ = fill(cache, "c4", with: 1)
        for number in 5..<50 {
            #expect(byte(cache, "c4") == 1)
            _ = fill(cache, "c\(number)", with: 1)
        }
    }

    @Test("a removed key is gone and its slot zeroed; a key that could not be filled in is not kept")
    func removed() throws {
        let cache = try DataKeyCache(keysMax: 1)
        _ = fill(cache, "c1", with: 1)
        cache.remove("c1")
        #expect(byte(cache, "c1") == nil)
        #expect(fill(cache, "c2", with: 2))
        #expect(
            !cache.insert("c3") { slot in
                slot.update(repeating: 9, count: 32); return false
            })
        #expect(byte(cache, "c3") == nil)
        #expect(fill(cache, "c4", with: 4), "the slot was zeroed after the failure")
    }
}
