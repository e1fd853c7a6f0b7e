import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

@Suite("The form of API keys")
struct APIKeyTests {
    @Test("matches the golden vectors: built from the secret, parsed from the text, stored as a hash")
    func matchesVectors() throws {
        let vectors = try #require(try JSONReader.read(Fixtures.bytes("vectors/api-keys.json")).array)
        #expect(vectors.count == 21)
        for vector in vectors {
            let prefix = try #require(vector["prefix"]?.string.flatMap { APIKey.Prefix(rawValue: $0) })
            let secret = try #require(vector["secret_hex"]?.string.flatMap { [UInt8](lowerCaseHex: $0) })
            let text = try #require(vector["key"]?.string)
            let built = try APIKey(prefix: prefix, secret: secret)
            #expect(built.text == text)
            let parsed = try APIKey(parsing: text)
            #expect(parsed.prefix == prefix && parsed.text == text)
            #expect(parsed.storedHash.hex == vector["stored_sha256"]?.string)
        }
    }

    @Test("every prefix gives keys that are read back under it")
    func roundTrips() throws {
        for prefix in APIKey.Prefix.allCases {
            let key = try APIKey(prefix: prefix, secret: [UInt8](1...32))
            #expect(try APIKey(parsing: key.text).prefix == prefix)
        }
        #expect(APIKey.Prefix.nanorixTest.environment == .test && APIKey.Prefix.nexora.environment == .live)
    }

    @Test("any one mistyped character, any two exchanged and any left out are refused without a look-up")
    func refusesMistypedKeys() throws {
        let text = try APIKey(prefix: .nanorixLive, secret: (0..<32).map { UInt8($0 * 5 + 3) }).text
        let characters = Array(text)
        for index in characters.indices {
            for other in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. "
            where other != characters[index] {
                var mistyped = characters
                mistyped[index] = other
                #expect(throws: ProofError.self) { try APIKey(parsing: String(mistyped)) }
            }
            var shorter = characters
            shorter.remove(at: index)
            #expect(throws: ProofError.self) { try APIKey(parsing: String(shorter)) }
            if index + 1 < characters.count, characters[index] != characters[index + 1] {
                var exchanged = characters
                exchanged.swapAt(index, index + 1)
                #expect(throws: ProofError.self) { try APIKey(parsing: String(exchanged)) }
            }
        }
    }

    @Test("a right checksum does not make up for a number beyond 32 bytes, another alphabet or another prefix")
    func refusesImpossibleKeys() {
        func key(_ body: String) -> String {
            body + String(decoding: Base62.encode(CRC32.checksum(of: body.utf8), width: 6), as: UTF8.self)
        }
        let largest = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
        #expect(throws: Never.self) { try APIKey(parsing: key("nrx_live_" + largest)) }
        let bodies = [
            "nrx_live_" + largest.dropLast() + "2", "nrx_live_" + String(repeating: "z", count: 43),
            "nrx_live_" + largest.dropLast() + "-", "nrx_prod_" + largest, largest, "nrx_live_", "",
            "nrx_live_" + largest + "0", "nrx_live_" + largest.dropFirst(), "NRX_LIVE_" + largest,
            " nrx_live_" + largest,
        ]
        for body in bodies { #expect(throws: ProofError.self) { try APIKey(parsing: key(body)) } }
    }

    @Test("takes exactly 32 secret bytes", arguments: [0, 31, 33])
    func takesThirtyTwoBytes(count: Int) {
        #expect(throws: ProofError.self) {
            try APIKey(prefix: .nanda, secret: [UInt8](repeating: 0, count: count))
        }
    }

    @Test("shows only its beginning: in descriptions, and in no error message")
    func keepsItsSecret() throws {
        let key = try APIKey(prefix: .nanorixLive, secret: [UInt8](1...32))
        #expect(key.displayPrefix.count == 13 && key.text.hasPrefix(key.displayPrefix))
        #expect("\(key)" == key.displayPrefix + "…")
        #expect(String(reflecting: key) == key.displayPrefix + "…")
        #expect(try APIKey(prefix: .nexora, secret: [UInt8](1...32)).displayPrefix.count == 12)
        let mistyped = String(key.text.dropLast()) + "~"
        let error = #expect(throws: ProofError.self) { try APIKey(parsing: mistyped) }
        #expect(error?.description.contains(key.text.dropFirst(13).prefix(6)) == false)
    }

    @Test("uses the CRC-32 of zlib")
    func usesTheCommonCRC() {
        #expect(CRC32.checksum(of: "123456789".utf8) == 0xCBF4_3926)
        #expect(CRC32.checksum(of: []) == 0)
    }
}
