import CSodium

/// Base64 with padding (RFC 4648 §4), of which only the one canonical spelling is accepted.
enum CanonicalBase64 {
    static func encode(_ bytes: [UInt8]) -> String { String(decoding: characters(of: bytes), as: UTF8.self) }

    /// The `count` bytes that the ASCII characters `text` spell; nil when they spell another number of them, or spell them
    /// in another way than ``encode(_:)`` would.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == (count + 2) / 3 * 4 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var written = 0
        let status = text.withMemoryRebound(to: CChar.self) { characters -> Int32 in
            guard let start = characters.baseAddress else { return -1 }
            return sodium_base642bin(
                &bytes, count, start, characters.count, nil, &written, nil, sodium_base64_VARIANT_ORIGINAL)
        }
        // Encoded again and compared, because libsodium 1.0.18 reads bytes beyond ASCII as a slash.
        guard status == 0, written == count, characters(of: bytes).elementsEqual(text) else { return nil }
        return bytes
    }

    private static func characters(of bytes: [UInt8]) -> [UInt8] {
        // The length that libsodium asks for counts a terminating zero.
        let length = sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL)
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, initialisedCount in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                if let start = characters.baseAddress {
                    sodium_bin2base64(start, length, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
                }
            }
            initialisedCount = length - 1
        }
    }
}
