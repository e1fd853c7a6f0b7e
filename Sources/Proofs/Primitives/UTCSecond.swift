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
        guard Self.isWellFormed(text.utf8) else { return nil }
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

    private static func isWellFormed(_ utf8: String.UTF8View) -> Bool {
        guard utf8.count == 20 else { return false }
        var fields: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) = (0, 0, 0, 0, 0, 0)
        for (index, byte) in utf8.enumerated() {
            let digit = Int(byte) - 48
            switch index {
            case 4, 7: if byte != UInt8(ascii: "-") { return false }
            case 10: if byte != UInt8(ascii: "T") { return false }
            case 13, 16: if byte != UInt8(ascii: ":") { return false }
            case 19: if byte != UInt8(ascii: "Z") { return false }
            case _ where !(0...9).contains(digit): return false
            case 0...3: fields.year = fields.year * 10 + digit
            case 5...6: fields.month = fields.month * 10 + digit
            case 8...9: fields.day = fields.day * 10 + digit
            case 11...12: fields.hour = fields.hour * 10 + digit
            case 14...15: fields.minute = fields.minute * 10 + digit
            default: fields.second = fields.second * 10 + digit
            }
        }
        return fields.day >= 1 && fields.day <= days(in: fields.month, of: fields.year) && fields.hour < 24
            && fields.minute < 60 && fields.second < 60
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
