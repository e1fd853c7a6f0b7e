/// Hex digits in lower case, as identifiers have them.
package enum LowerCaseDigits {
    /// The number that `count` digits from `start` on spell; nil when one of them is none.
    ///
    /// - Precondition: `bytes` has so many, and `count` is 8 or 16.
    static func number(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, count: Int) -> UInt64? {
        let raw = UnsafeRawBufferPointer(bytes)
        var number: UInt64 = 0
        for place in stride(from: start, to: start + count, by: 8) {
            let digits = raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            guard let value = value(of: UInt64(bigEndian: digits)) else { return nil }
            number = number << 32 | value
        }
        return number
    }

    /// What eight digits spell, the first in the highest byte; nil when one of them is none. Eight at a time: half of what
    /// an audit or a rebuild reads of an event are digits.
    private static func value(of digits: UInt64) -> UInt64? {
        let (ones, high): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        // The upper bit of each byte says whether its character is `first` or comes after it; none is above 0x7F, so that
        // nothing is carried over.
        func isFrom(_ first: UInt8) -> UInt64 { digits &+ (ones &* UInt64(0x80 - first)) }
        let isDecimal = isFrom(UInt8(ascii: "0")) & ~isFrom(UInt8(ascii: "9") + 1)
        let isLetter = isFrom(UInt8(ascii: "a")) & ~isFrom(UInt8(ascii: "f") + 1)
        guard ~digits & (isDecimal | isLetter) & high == high else { return nil }
        // The lower four bits, and nine more for a letter, which has the bit of 0x40.
        var value = (digits & 0x0F0F_0F0F_0F0F_0F0F) &+ (((digits >> 6) & ones) &* 9)
        value = (value | (value >> 4)) & 0x00FF_00FF_00FF_00FF
        value = (value | (value >> 8)) & 0x0000_FFFF_0000_FFFF
        return (value | (value >> 16)) & 0xFFFF_FFFF
    }

    /// Writes the 16 digits of `number`, the first of them at `start`.
    ///
    /// - Precondition: `bytes` has room for them.
    package static func write(_ number: UInt64, to bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        let raw = UnsafeMutableRawBufferPointer(bytes)
        raw.storeBytes(of: digits(of: number >> 32).bigEndian, toByteOffset: start, as: UInt64.self)
        raw.storeBytes(of: digits(of: number & 0xFFFF_FFFF).bigEndian, toByteOffset: start + 8, as: UInt64.self)
    }

    /// The eight digits of a number of 32 bits, the first in the highest byte.
    private static func digits(of number: UInt64) -> UInt64 {
        var value = (number | (number << 16)) & 0x0000_FFFF_0000_FFFF
        value = (value | (value << 8)) & 0x00FF_00FF_00FF_00FF
        value = (value | (value << 4)) & 0x0F0F_0F0F_0F0F_0F0F
        // From ten on, what lies between "9" and "a" is to be skipped.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let isLetter = ((value &+ ones &* 6) >> 4) & ones
        return value &+ ones &* UInt64(UInt8(ascii: "0")) &+ isLetter &* 39
    }
}
