/// Numbers in the digits 0–9, A–Z, a–z, most significant first, of fixed width.
enum Base62 {
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Characters that the largest 32-byte number takes.
    static let charactersOf32Bytes = 43

    /// 0 for each character of the alphabet, 1 for every other byte.
    private static let notDigit: [UInt8] = (0...255).map { alphabet.contains($0) ? 0 : 1 }

    /// 2^256 − 1. The alphabet is in ASCII order, so texts of this width compare as their numbers do.
    private static let largest32Bytes = encode([UInt8](repeating: 0xFF, count: 32))

    /// `bytes` as one big-endian number, in 43 characters.
    ///
    /// - Precondition: there are 32 of them.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        precondition(bytes.count == 32)
        // Base 2^32, most significant first; each pass divides by 62^5, which is still below 2^32, and yields five characters.
        var limbs: [UInt64] = stride(from: 0, to: 32, by: 4).map { start in
            bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt64($1) }
        }
        var output = [UInt8](repeating: alphabet[0], count: charactersOf32Bytes)
        for end in stride(from: output.count, to: 0, by: -5) {
            var remainder: UInt64 = 0
            for index in limbs.indices {
                let dividend = remainder << 32 | limbs[index]
                limbs[index] = dividend / 916_132_832
                remainder = dividend % 916_132_832
            }
            for position in (max(0, end - 5)..<end).reversed() {
                output[position] = alphabet[Int(remainder % 62)]
                remainder /= 62
            }
        }
        return output
    }

    /// `value` in `width` characters, its most significant ones lost when there are too few.
    static func encode(_ value: UInt32, width: Int) -> [UInt8] {
        var rest = value
        var output = [UInt8](repeating: alphabet[0], count: width)
        for position in output.indices.reversed() {
            output[position] = alphabet[Int(rest % 62)]
            rest /= 62
        }
        return output
    }

    /// Whether `characters` are what ``encode(_:)`` makes of some 32 bytes.
    static func is32Bytes(_ characters: ArraySlice<UInt8>) -> Bool {
        // Without a branch for each character: those of a key are random, so every other branch would be guessed wrong.
        characters.count == charactersOf32Bytes && characters.reduce(0) { $0 | notDigit[Int($1)] } == 0
            && !largest32Bytes.lexicographicallyPrecedes(characters)
    }
}
