import CSodium

/// Base64 with padding (RFC 4648 §4), of which only the one canonical spelling is accepted.
enum CanonicalBase64 {
    static func encode(_ bytes: [UInt8]) -> String {
        // The length that libsodium asks for counts a terminating zero.
        var characters = [CChar](
            repeating: 0, count: sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL))
        sodium_bin2base64(&characters, characters.count, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
        return String(decoding: characters.dropLast().lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The `count` bytes that the ASCII characters `text` spell; nil when they spell another number of them, or spell
    /// them in another way than ``encode(_:)`` would.
    static func decode(_ text: some Collection<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == (count + 2) / 3 * 4 else { return nil }
        let characters = text.map { CChar(bitPattern: $0) }
        var bytes = [UInt8](repeating: 0, count: count)
        var written = 0
        let status = sodium_base642bin(
            &bytes, count, characters, characters.count, nil, &written, nil, sodium_base64_VARIANT_ORIGINAL)
        guard status == 0, written == count, encode(bytes).utf8.elementsEqual(text) else { return nil }
        return bytes
    }
}
