import Testing

@testable import Vault

@Suite("Spellings of an e-mail")
struct EmailIndexTests {
    private func index(_ byte: UInt8) throws -> EmailIndex {
        let key = try SecretKey { target in
            target.update(repeating: byte, count: 32)
            return true
        }
        return EmailIndex(key: try #require(key))
    }

    @Test(
        "white space around, case and the Unicode form do not matter",
        arguments: [
            ("ada@example.com", "  ADA@Example.com\t\r\n"), ("\u{E9}va@example.com", "E\u{301}VA@EXAMPLE.COM"),
            ("\u{F6}@b.example", "O\u{308}@B.example"),
        ])
    func same(first: String, second: String) throws {
        #expect(try index(1).digest(of: first) == index(1).digest(of: second))
    }

    @Test(
        "everything else does",
        arguments: [
            "ad.a@example.com", "ada+x@example.com", "ada@example.co", "a da@example.com", "ada@example.com.",
            "\u{A0}ada@example.com",
        ])
    func other(email: String) throws {
        #expect(try index(1).digest(of: "ada@example.com") != index(1).digest(of: email))
    }

    @Test("another key gives another digest")
    func keyed() throws {
        #expect(try index(1).digest(of: "ada@example.com") != index(2).digest(of: "ada@example.com"))
    }

    @Test("the digest is keyed BLAKE2b-256 of the normalised bytes")
    func knownAnswer() throws {
        // Python: hashlib.blake2b(b"ada@example.com", key=bytes([1]) * 32, digest_size=32).hexdigest()
        let digest = try index(1).digest(of: "Ada@Example.com ")
        #expect(
            digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                == "467039ed30160fb5abf6f2bccca82b068b233756aa76c6386ff1cfa7d7ee2844")
    }
}
