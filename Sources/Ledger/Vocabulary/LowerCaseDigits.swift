/// Hex digits in lower case, as identifiers have them.
enum LowerCaseDigits {
    /// The number that `count` digits from `start` on spell; nil when one of them is none.
    ///
    /// - Precondition: `bytes` has so many, and there are at most 16.
    static func number(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, count: Int) -> UInt64? {
        var number: UInt64 = 0
        // Without a branch a digit: what is none shows in the upper half.
        var wrong: UInt8 = 0
        for place in start..<(start + count) {
            let (decimal, letter) = (bytes[place] &- UInt8(ascii: "0"), bytes[place] &- UInt8(ascii: "a"))
            let value = decimal < 10 ? decimal : letter < 6 ? letter + 10 : 0xFF
            wrong |= value
            number = number << 4 | UInt64(value & 15)
        }
        return wrong < 16 ? number : nil
    }
}
