/// Questions about eight bytes at once, as they stand in a word whose lowest byte is the first of them.
enum EightBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// How many bytes, from the first, are ASCII that stands in a JSON string as it is: no control character, no quote, no
    /// backslash.
    @inline(__always)
    static func plainCount(_ word: UInt64) -> Int {
        // The lowest bit found is that of the first byte that is not plain; 64 zeros when there is none.
        ((special(word) | word) & highBits).trailingZeroBitCount >> 3
    }

    /// Whether no byte is a control character, a quote or a backslash: nothing that JSON escapes in a string.
    @inline(__always)
    static func areVerbatim(_ word: UInt64) -> Bool { special(word) & highBits == 0 }

    /// The high bit of the first byte that is a control character, a quote or a backslash. Those of bytes after it may be
    /// set without cause.
    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        // Taking n from every byte borrows into the high bit of those below n; `& ~x` leaves out those that had it before.
        return (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (word &- ones &* 0x20) & ~word
    }
}
