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
            isCanonical(text) ? decode(text, count: text.count / 4 * 3 - padding(of: text)) : nil
        }
    }

    /// The `count` bytes that the ASCII characters `text` spell; nil when they spell another number of them, or spell them
    /// in another way than ``encode(_:)`` would.
    static func decode(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8]? {
        guard isCanonical(text), text.count / 4 * 3 - padding(of: text) == count else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { bytes, written in
            for group in 0..<(text.count / 4) {
                // Whatever a padding character counts as here: its bits lie behind the last byte.
                var word: UInt32 = 0
                for place in (group * 4)..<(group * 4 + 4) { word = word << 6 | UInt32(digit(text[place]) & 63) }
                for place in (group * 3)..<min(group * 3 + 3, count) {
                    bytes[place] = UInt8(truncatingIfNeeded: word >> UInt32(16 - place % 3 * 8))
                }
            }
            written = count
        }
    }

    /// Whether `text` is base64 with padding, not empty, in the one form that encoding its bytes again gives.
    package static func isCanonical(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard !text.isEmpty, text.count.isMultiple(of: 4) else { return false }
        let padding = padding(of: text)
        let end = text.count - padding
        // Without a branch a character: what is no digit, a third `=` too, shows in the upper bits.
        var wrong: UInt8 = 0
        for place in 0..<end { wrong |= digit(text[place]) }
        // The bits of the last digit that no byte takes are zero.
        return wrong < 64 && digit(text[end - 1]) & (padding == 0 ? 0 : padding == 1 ? 0b11 : 0b1111) == 0
    }

    /// How many padding characters end a text of at least four characters: 0, 1 or 2.
    private static func padding(of text: UnsafeBufferPointer<UInt8>) -> Int {
        text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
    }

    /// The value of a digit; 64 or more for any other character.
    @inline(__always)
    private static func digit(_ character: UInt8) -> UInt8 {
        let upper = character &- UInt8(ascii: "A")
        let lower = character &- UInt8(ascii: "a")
        let decimal = character &- UInt8(ascii: "0")
        var value: UInt8 = character == UInt8(ascii: "+") ? 62 : 0xFF
        value = character == UInt8(ascii: "/") ? 63 : value
        value = decimal < 10 ? decimal &+ 52 : value
        value = lower < 26 ? lower &+ 26 : value
        return upper < 26 ? upper : value
    }
}
