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

    /// The `count` bytes that the ASCII characters `text` spell; nil when they spell another number of them, or spell them
    /// in another way than ``encode(_:)`` would.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == (count + 2) / 3 * 4 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var written = 0
        // Told to ignore no character, libsodium refuses foreign characters, missing or additional padding, and unused
        // bits that are not zero; the number of characters is right already. So only one spelling gets through.
        let status = text.withMemoryRebound(to: CChar.self) { characters -> Int32 in
            guard let start = characters.baseAddress else { return -1 }
            return sodium_base642bin(
                &bytes, count, start, characters.count, nil, &written, nil, sodium_base64_VARIANT_ORIGINAL)
        }
        return status == 0 && written == count ? bytes : nil
    }
}
