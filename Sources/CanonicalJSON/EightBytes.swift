/// Questions about eight bytes at once, in whatever order they stand in the word.
enum EightBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Whether every byte is below 0x80.
    static func areASCII(_ word: UInt64) -> Bool { word & highBits == 0 }

    /// Whether no byte is a control character, a quote or a backslash: nothing that JSON escapes in a string.
    static func areVerbatim(_ word: UInt64) -> Bool {
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        // Taking n from every byte borrows into the high bit of those below n; `& ~x` leaves out those that had it before.
        let found = (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (word &- ones &* 0x20) & ~word
        return found & highBits == 0
    }
}
