/// A whole second in UTC, written exactly `YYYY-MM-DDTHH:MM:SSZ`: the only form of a time in a proof.
///
/// ```swift
/// UTCSecond("2026-03-01T14:30:00Z")?.compactText   // 20260301T143000Z
/// UTCSecond("2026-02-30T00:00:00Z")                // nil: no such day
/// ```
public struct UTCSecond: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The time as a proof holds it.
    public let text: String

    /// Reads exactly that form; nil for anything else, also for days and times that do not exist (a leap second is
    /// not representable).
    public init?(_ text: String) {
        guard Self.isWellFormed(text) else { return nil }
        self.text = text
    }

    /// `YYYYMMDDTHHMMSSZ`, as verification key ids carry it.
    public var compactText: String {
        String(decoding: text.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }, as: UTF8.self)
    }

    /// Same as ``text``.
    public var description: String { text }

    /// Every field has a fixed width, so the order of the texts is the order of the times.
    public static func < (left: UTCSecond, right: UTCSecond) -> Bool { left.text < right.text }

    private static func isWellFormed(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard bytes.count == 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
                bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
                bytes[19] == UInt8(ascii: "Z"),
                let century = twoDigits(bytes, at: 0), let year = twoDigits(bytes, at: 2),
                let month = twoDigits(bytes, at: 5), let day = twoDigits(bytes, at: 8),
                let hour = twoDigits(bytes, at: 11), let minute = twoDigits(bytes, at: 14),
                let second = twoDigits(bytes, at: 17)
            else { return false }
            return day >= 1 && day <= days(in: month, of: century * 100 + year) && hour < 24 && minute < 60
                && second < 60
        }
    }

    private static func twoDigits(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int? {
        let (tens, ones) = (bytes[index] &- 48, bytes[index + 1] &- 48)
        return tens < 10 && ones < 10 ? Int(tens) * 10 + Int(ones) : nil
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 1, 3, 5, 7, 8, 10, 12: 31
        case 4, 6, 9, 11: 30
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        default: 0
        }
    }
}
