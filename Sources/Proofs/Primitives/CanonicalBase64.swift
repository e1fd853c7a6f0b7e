import CSodium

/// Base64 with padding (RFC 4648 §4), of which only the one canonical spelling is accepted.
package enum CanonicalBase64 {
    package static func encode(_ bytes: [UInt8]) -> String {
        // The length that libsodium asks for counts a terminating zero.
        let length = sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL)
        return String(unsafeUninitializedCapacity: length) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                if let start = characters.baseAddress {
                    sodium_bin2base64(start, length, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
                }
            }
            return length - 1
        }
    }

    /// The bytes that `text` spells; nil when it is not the one spelling of any.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { text in
            let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
            return decode(text, count: max(0, text.count / 4 * 3 - padding))
        }
    }

    /// The `count` bytes that the ASCII characters `text` spell; nil when they spell another number of them, or spell them
    /// in another way than ``encode(_:)`` would.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8]? {
        // libsodium itself refuses stray bits, missing padding and every other character, with one exception: 1.0.18 reads
        // bytes beyond ASCII as a slash.
        guard text.count == (count + 2) / 3 * 4, text.allSatisfy({ $0 < 0x80 }) else { return nil }
        var status: Int32 = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            text.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress, let target = buffer.baseAddress else { return }
                status = sodium_base642bin(
                    target, count, start, characters.count, nil, &written, nil,
                    sodium_base64_VARIANT_ORIGINAL)
            }
        }
        return status == 0 && bytes.count == count ? bytes : nil
    }
}
