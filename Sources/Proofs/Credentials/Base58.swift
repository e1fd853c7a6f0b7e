/// Base58 with Bitcoin's alphabet, as multibase calls `z` (W3C Controlled Identifiers 1.0, §2.4).
enum Base58 {
    private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
    /// Longest text that is decoded: what is read here are keys and signatures. The work grows with its square.
    static let charactersMax = 128

    static func encode(_ bytes: [UInt8]) -> String {
        // Little-endian digits in base 58.
        var digits: [UInt8] = []
        for byte in bytes {
            var carry = Int(byte)
            for index in digits.indices {
                carry += Int(digits[index]) << 8
                digits[index] = UInt8(carry % 58)
                carry /= 58
            }
            while carry > 0 {
                digits.append(UInt8(carry % 58))
                carry /= 58
            }
        }
        let zeros = [UInt8](repeating: alphabet[0], count: bytes.prefix { $0 == 0 }.count)
        return String(decoding: zeros + digits.reversed().map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// The bytes that `text` spells; nil for other characters and for what is too long.
    static func decode(_ text: Substring) -> [UInt8]? {
        guard text.utf8.count <= charactersMax else { return nil }
        // Little-endian bytes.
        var bytes: [UInt8] = []
        for character in text.utf8 {
            guard var carry = alphabet.firstIndex(of: character) else { return nil }
            for index in bytes.indices {
                carry += Int(bytes[index]) * 58
                bytes[index] = UInt8(carry & 0xFF)
                carry >>= 8
            }
            while carry > 0 {
                bytes.append(UInt8(carry & 0xFF))
                carry >>= 8
            }
        }
        return [UInt8](repeating: 0, count: text.utf8.prefix { $0 == alphabet[0] }.count) + bytes.reversed()
    }
}
