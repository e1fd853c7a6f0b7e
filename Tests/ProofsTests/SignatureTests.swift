import CSodium
import CanonicalJSON
import Foundation
import Merkle
import Synchronization
@testable import Proofs
import Testing

@Suite("Signatures and keys of proofs")
struct SignatureTests {
    @Test("a seed gives the key and the signature that RFC 8032 prints (§7.1, test 1)")
    func matchesRFC8032() throws {
        let seed = try #require(
            [UInt8](lowerCaseHex: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        let signer = try ProofSigner(seed: seed)
        let key = signer.publicKey
        #expect(key.rawBytes.lowerCaseHex == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        let signature = try signer.sign([])
        #expect(
            signature.lowerCaseHex
                == "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                + "d25bf5f0595bbe24655141438e7a100b")
        #expect(key.verifies(signature: signature, of: []))
        #expect(!key.verifies(signature: signature, of: [0]))
    }

    @Test("of a key that the verifier made itself only the group is taken for granted, not what it signed")
    func ownKeys() throws {
        let document = try Fixtures.bytes("vectors/cdp-1.0.json")
        let asked = Mutex<[String]>([])
        var verifier = ProofVerifier()
        verifier.hasMadeKey = { name, key in
            asked.withLock { $0.append("\(name) \(key.text)") }
            return true
        }
        let verification = try verifier.verify(document)
        let claims = try #require(verification.claims)
        #expect(verification.isValid)
        #expect(asked.withLock(\.self) == ["\(claims.keyID) \(claims.publicKey.text)"])
        var forged = document
        let signature = try #require(String(decoding: document, as: UTF8.self).range(of: "\"signature\": \"base64:"))
        let place = String(decoding: document, as: UTF8.self)[..<signature.upperBound].utf8.count + 4
        forged[place] = forged[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(try !verifier.verify(forged).isValid)
        verifier.hasMadeKey = { _, _ in false }
        #expect(try verifier.verify(document).isValid)
    }

    @Test("fresh signers have fresh keys")
    func freshKeys() throws {
        var keys: Set<VerificationKey> = []
        for _ in 0..<100 {
            let signer = try ProofSigner()
            #expect(keys.insert(signer.publicKey).inserted)
        }
    }

    @Test("guarded memory starts as zeros, is zeroed on demand, and says so after reading it back")
    func guardedMemoryIsZeroed() throws {
        var memory = try GuardedMemory(byteCount: 64)
        func bytes(_ memory: borrowing GuardedMemory) -> [UInt8] {
            memory.withBytes { Array(UnsafeBufferPointer(start: $0, count: 64)) }
        }
        #expect(bytes(memory) == [UInt8](repeating: 0, count: 64))
        memory.withMutableBytes { $0.initialize(repeating: 0xA5, count: 64) }
        #expect(bytes(memory) == [UInt8](repeating: 0xA5, count: 64))
        let isZero = memory.zero()
        #expect(isZero)
        #expect(bytes(memory) == [UInt8](repeating: 0, count: 64))
    }

    @Test("a public key is read from exactly its canonical text")
    func readsKeyText() throws {
        let text = "base64:MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
        let key = try #require(VerificationKey(text: text))
        #expect(key.text == text)
        #expect(key.spki.count == 44)
        #expect(VerificationKey(rawBytes: key.rawBytes) == key)
        let raw = "base64:" + CanonicalBase64.encode(key.rawBytes)
        let long = "base64:" + CanonicalBase64.encode(key.spki + [0])
        var otherPrefix = key.spki
        otherPrefix[8] = 0x71
        let bad = [
            "", "base64:", String(text.dropFirst(7)), text + "=", text + " ", " " + text, String(text.dropLast()), raw,
            long,
            "Base64:" + text.dropFirst(7), "base64:" + CanonicalBase64.encode(otherPrefix),
            text.replacing("/", with: "_"),
            text.replacing("Mbg=", with: "Mbh="), text.replacing("Mbg=", with: "Mb=="),
            text.replacing("Mbg=", with: "M\nb="),
        ]
        for other in bad { #expect(VerificationKey(text: other) == nil, "\(other)") }
    }

    @Test("base64 has one spelling: of the last characters of 64 bytes only those with no stray bits are read")
    func base64IsCanonical() throws {
        let bytes = (0..<64).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let text = CanonicalBase64.encode(bytes)
        func decode(_ text: String) -> [UInt8]? {
            Array(text.utf8).withUnsafeBufferPointer { CanonicalBase64.decode($0, count: 64) }
        }
        #expect(decode(text) == bytes)
        var accepted = 0
        for place in text.utf8.indices {
            for character in UInt8.min...UInt8.max {
                var characters = Array(text.utf8)
                characters[text.utf8.distance(from: text.utf8.startIndex, to: place)] = character
                let changed = characters.withUnsafeBufferPointer { CanonicalBase64.decode($0, count: 64) }
                guard let changed else { continue }
                accepted += 1
                #expect(Array(CanonicalBase64.encode(changed).utf8) == characters)
            }
        }
        #expect(accepted == 85 * 64 + 4 + 2, "85 free characters, one with two free bits, two of padding")
    }

    @Test("base64 is read as libsodium reads it, of every length, with one character changed to any ASCII")
    func base64IsRead() {
        func library(_ text: [UInt8], count: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var written = 0
            let status = text.withUnsafeBufferPointer { text in
                text.withMemoryRebound(to: CChar.self) { characters in
                    sodium_base642bin(
                        &bytes, count, characters.baseAddress, characters.count, nil, &written, nil,
                        sodium_base64_VARIANT_ORIGINAL)
                }
            }
            return status == 0 && written == count ? bytes : nil
        }
        var generator = SystemRandomNumberGenerator()
        for count in 1...70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let text = Array(CanonicalBase64.encode(bytes).utf8)
            func decode(_ text: [UInt8], _ count: Int) -> [UInt8]? {
                text.withUnsafeBufferPointer { CanonicalBase64.decode($0, count: count) }
            }
            #expect(decode(text, count) == bytes)
            #expect(decode(text, count - 1) == nil && decode(text, count + 1) == nil)
            for place in text.indices.suffix(6) {
                for character in UInt8.min..<0x80 {
                    var changed = text
                    changed[place] = character
                    #expect(decode(changed, count) == library(changed, count: count))
                    let isCanonical = changed.withUnsafeBufferPointer { CanonicalBase64.isCanonical($0) }
                    #expect(isCanonical == (0...2).contains { library(changed, count: text.count / 4 * 3 - $0) != nil })
                }
            }
        }
    }

    @Test("a key with a component of small order is refused even when its signature holds")
    func refusesMixedOrderKeys() throws {
        let forged = try MixedOrderForger.proof()
        let verification = try #require(ProofVerifier().verdict(on: forged.document))
        #expect(forged.key.verifies(signature: forged.signature, of: forged.message), "libsodium alone accepts it")
        #expect(verification.failures.map(\.check) == [.signature], "\(verification.failures)")
    }

    @Test(
        "points that are not of the prime-order group are refused as keys",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "0200000000000000000000000000000000000000000000000000000000000000",
        ])
    func refusesInvalidPoints(hex: String) throws {
        let point = try #require([UInt8](lowerCaseHex: hex))
        #expect(!Sodium.isValidPoint(point))
    }

    @Test("an R that verification lets through is always a valid point, so it needs no check of its own")
    func verifiedRIsValid() throws {
        for index in 0..<200 {
            let message = Array("message \(index)".utf8)
            let signature = try ProofSigner().sign(message)
            #expect(Sodium.isValidPoint(Array(signature[..<32])))
        }
        // Small-order R with S chosen so that the equation holds for a key of the prime-order group: S·B − h·A = R has
        // no solution then, except for the identity, with S = h·a; libsodium must refuse that one by itself.
        let forged = try IdentityRForger.make(seed: GoldenProof.seed, message: [1, 2, 3])
        #expect(!forged.key.verifies(signature: forged.signature, of: [1, 2, 3]))
    }
}
