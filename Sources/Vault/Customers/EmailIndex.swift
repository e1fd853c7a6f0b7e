import CSodium
import Foundation

/// Finds customers by e-mail without storing one: BLAKE2b-256 of the normalised address under a key of its own.
struct EmailIndex: Sendable {
    /// Longest address, in bytes of UTF-8: 64 before the `@`, 255 after it.
    static let emailBytesMax = 320

    private static let digestBytes = 32

    private let key: SecretKey

    init(key: SecretKey) { self.key = key }

    /// What stands for `email` in the index.
    func digest(of email: String) throws(VaultError) -> [UInt8] {
        let normalised = Array(Self.normalise(try Self.trim(email)).utf8)
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        // Cannot fail: digest and key have lengths that BLAKE2b allows.
        key.withBytes { key in
            _ = crypto_generichash(
                &digest, digest.count, normalised, UInt64(normalised.count), key, SecretKey.byteCount)
        }
        return digest
    }

    /// A key for another purpose, which tells nothing of this one: keyed BLAKE2b-256 with a personalisation, which no
    /// address is hashed with.
    ///
    /// - Parameter purpose: 16 bytes.
    func derivedKey(purpose: StaticString) -> [UInt8] {
        precondition(purpose.utf8CodeUnitCount == Int(crypto_generichash_blake2b_PERSONALBYTES))
        var derived = [UInt8](repeating: 0, count: Self.digestBytes)
        // Cannot fail: every length is one that BLAKE2b allows.
        key.withBytes { key in
            _ = crypto_generichash_blake2b_salt_personal(
                &derived, derived.count, nil, 0, key, SecretKey.byteCount, nil, purpose.utf8Start)
        }
        return derived
    }

    /// `email` without the ASCII white space around it.
    ///
    /// - Throws: ``VaultError/Code/invalidInput`` when nothing is left, or more than ``emailBytesMax`` bytes.
    static func trim(_ email: String) throws(VaultError) -> String {
        let bytes = email.utf8
        let start = bytes.firstIndex { !isWhiteSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !isWhiteSpace($0) }.map { bytes.index(after: $0) } ?? start
        let trimmed = String(email[start..<end])
        guard !trimmed.isEmpty, trimmed.utf8.count <= emailBytesMax else {
            throw VaultError(.invalidInput, "an e-mail address has 1 to \(emailBytesMax) bytes.")
        }
        return trimmed
    }

    /// The form under which two spellings are the same address: Unicode NFC, lower case, NFC again (lower-casing can
    /// decompose). Nothing else is folded: dots and `+tags` belong to the address.
    ///
    /// Plain ASCII, as nearly all are, is its own NFC; Foundation would take a dozen microseconds to find that out.
    static func normalise(_ trimmed: String) -> String {
        if let lowered = loweredASCII(trimmed) { return lowered }
        return trimmed.precomposedStringWithCanonicalMapping.lowercased().precomposedStringWithCanonicalMapping
    }

    /// `text` in lower case when it is plain ASCII, or nil.
    private static func loweredASCII(_ text: String) -> String? {
        var bytes = Array(text.utf8)
        for index in bytes.indices {
            guard bytes[index] < 0x80 else { return nil }
            if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(bytes[index]) { bytes[index] |= 0x20 }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// ASCII white space: space, tab, line feed, vertical tab, form feed, carriage return.
    private static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
