import Merkle
import Testing

@Suite("Hashes")
struct HashTests {
    @Test("are written in lower-case hex and read back from exactly that")
    func hexRoundTrip() {
        for text in ["", "a", "abc", "destroyed"] {
            let hash = Hash(of: Array(text.utf8))
            #expect(hash.hex == hash.bytes.lowerCaseHex)
            #expect(Hash(hex: hash.hex) == hash)
            #expect(Hash(hex: "x\(hash.hex)y".dropFirst().dropLast()) == hash, "also from a substring")
            let written = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
                hash.writeHex(to: UnsafeMutableRawBufferPointer(buffer))
                count = 64
            }
            #expect(written == Array(hash.hex.utf8))
        }
        #expect(Hash(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect([UInt8](0...255).lowerCaseHex.hasPrefix("000102030405060708090a0b0c0d0e0f10"))
        #expect([UInt8](lowerCaseHex: [UInt8](0...255).lowerCaseHex) == [UInt8](0...255))
    }

    @Test("are not read from upper case, other lengths or other characters")
    func refusesOtherHex() {
        let hex = Hash(of: []).hex
        for text in [
            hex.uppercased(), String(hex.dropLast()), hex + "0", "0x" + hex.dropFirst(2), hex.dropLast() + "g",
            hex.dropLast() + " ", "",
        ] {
            #expect(Hash(hex: text) == nil)
        }
        #expect([UInt8](lowerCaseHex: "abc") == nil)
        #expect([UInt8](lowerCaseHex: "AB") == nil)
        #expect([UInt8](lowerCaseHex: "") == [])
        for character in UInt8.min...UInt8.max where !(48...57).contains(character) && !(97...102).contains(character) {
            #expect([UInt8](lowerCaseHex: String(decoding: [character, 48], as: UTF8.self)) == nil)
        }
    }

    @Test("have exactly 32 bytes")
    func hasThirtyTwoBytes() {
        #expect(Hash(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(Hash(bytes: [UInt8](repeating: 1, count: 33)) == nil)
        #expect(Hash(bytes: [UInt8](repeating: 0, count: 32)) == Hash.zero)
    }
}
