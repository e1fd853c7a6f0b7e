import CanonicalJSON

/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// ```swift
/// Timestamp(microseconds: 1_772_373_600_123_456).text   // 2026-03-01T14:00:00.123456Z
/// ```
public struct Timestamp: Sendable, Hashable, Comparable {
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    /// This moment moved by `microseconds`.
    public func adding(microseconds: Int64) -> Timestamp { Timestamp(microseconds: self.microseconds + microseconds) }

    /// This moment moved by `seconds`.
    public func adding(seconds: Int64) -> Timestamp { adding(microseconds: seconds * 1_000_000) }

    /// The start of the second this moment lies in.
    public var wholeSecond: Timestamp {
        Timestamp(microseconds: microseconds - floorMod(microseconds, 1_000_000))
    }
}

extension Timestamp: CustomStringConvertible {
    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ` (RFC 3339), as events carry it.
    public var text: String {
        if let text = usualText(toTheMicrosecond: true) { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.textBytes)
        appendSeconds(to: &bytes)
        bytes.append(UInt8(ascii: "."))
        appendDigits(of: floorMod(microseconds, 1_000_000), width: 6, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, the fraction dropped, as proofs and the HTTP API carry it.
    public var secondsText: String {
        if let text = usualText(toTheMicrosecond: false) { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.textBytes)
        appendSeconds(to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `YYYYMMDDTHHMMSSZ`, as verification key ids carry it.
    public var compactText: String { secondsText.filter { $0 != "-" && $0 != ":" } }

    /// `YYYY-MM-DD`.
    public var dayText: String { String(secondsText.prefix(10)) }

    public var description: String { text }

    /// Length of ``text``, in bytes.
    static let textBytes = 27

    /// ``text`` or ``secondsText`` of a year that has four digits, which every time of a log has: written in its place.
    private func usualText(toTheMicrosecond: Bool) -> String? {
        let seconds = floorDiv(microseconds, 1_000_000)
        let (year, month, day) = CivilDate.from(daysSince1970: floorDiv(seconds, 86_400))
        guard (0...9999).contains(year) else { return nil }
        let second = floorMod(seconds, 86_400)
        return String(unsafeUninitializedCapacity: Self.textBytes) { output in
            func put(_ number: Int64, at place: Int, before separator: UInt8) {
                output[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10)
                output[place + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10)
                output[place + 2] = separator
            }
            put(year / 100, at: 0, before: 0)
            put(year % 100, at: 2, before: UInt8(ascii: "-"))
            put(month, at: 5, before: UInt8(ascii: "-"))
            put(day, at: 8, before: UInt8(ascii: "T"))
            put(second / 3600, at: 11, before: UInt8(ascii: ":"))
            put(second / 60 % 60, at: 14, before: UInt8(ascii: ":"))
            put(second % 60, at: 17, before: UInt8(ascii: "Z"))
            guard toTheMicrosecond else { return 20 }
            let fraction = floorMod(microseconds, 1_000_000)
            output[19] = UInt8(ascii: ".")
            put(fraction / 10_000, at: 20, before: 0)
            put(fraction / 100 % 100, at: 22, before: 0)
            put(fraction % 100, at: 24, before: UInt8(ascii: "Z"))
            return Self.textBytes
        }
    }

    private func appendSeconds(to output: inout [UInt8]) {
        let seconds = floorDiv(microseconds, 1_000_000)
        let (year, month, day) = CivilDate.from(daysSince1970: floorDiv(seconds, 86_400))
        let second = floorMod(seconds, 86_400)
        appendDigits(of: year, width: 4, to: &output)
        output.append(UInt8(ascii: "-"))
        appendDigits(of: month, width: 2, to: &output)
        output.append(UInt8(ascii: "-"))
        appendDigits(of: day, width: 2, to: &output)
        output.append(UInt8(ascii: "T"))
        appendDigits(of: second / 3600, width: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        appendDigits(of: second / 60 % 60, width: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        appendDigits(of: second % 60, width: 2, to: &output)
    }

    /// Reads exactly the forms of ``text`` and ``secondsText``; nil for anything else, also for days that do not exist.
    public init?(_ text: String) {
        var text = text
        guard let time = text.withUTF8({ Timestamp(utf8: $0) }) else { return nil }
        self = time
    }

    /// Same, of the text's UTF-8.
    package init?(utf8: UnsafeBufferPointer<UInt8>) {
        guard let microseconds = Self.microseconds(in: utf8) else { return nil }
        self.microseconds = microseconds
    }

    private static func microseconds(in bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard bytes.count == 20 || bytes.count == textBytes, bytes[bytes.count - 1] == UInt8(ascii: "Z"),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(in: bytes, 0..<4), let month = number(in: bytes, 5..<7),
            let day = number(in: bytes, 8..<10), let hour = number(in: bytes, 11..<13),
            let minute = number(in: bytes, 14..<16), let second = number(in: bytes, 17..<19),
            hour < 24, minute < 60, second < 60,
            let days = CivilDate.daysSince1970(year: year, month: month, day: day)
        else { return nil }
        var microseconds: Int64 = 0
        if bytes.count == textBytes {
            guard bytes[19] == UInt8(ascii: "."), let fraction = number(in: bytes, 20..<26) else { return nil }
            microseconds = fraction
        }
        return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + microseconds
    }

    private static func number(in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard bytes[index] >= 48, bytes[index] <= 57 else { return nil }
            value = value * 10 + Int64(bytes[index] - 48)
        }
        return value
    }
}

/// The proleptic Gregorian calendar without a library (days_from_civil, H. Hinnant, public domain algorithm).
enum CivilDate {
    static func from(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDiv(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64? {
        guard (1...12).contains(month), day >= 1 else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDiv(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return from(daysSince1970: days) == (year, month, day) ? days : nil
    }
}

private func floorDiv(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : (value - divisor + 1) / divisor
}

private func floorMod(_ value: Int64, _ divisor: Int64) -> Int64 { value - floorDiv(value, divisor) * divisor }

/// Appends `value` in decimal, with zeros in front up to `width` digits.
private func appendDigits(of value: Int64, width: Int, to output: inout [UInt8]) {
    if width == 2, (0..<100).contains(value) {
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10))
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
        return
    }
    let start = output.count
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: width))
    var rest = value
    for index in (start..<start + width).reversed() where rest > 0 {
        output[index] += UInt8(rest % 10)
        rest /= 10
    }
    guard rest != 0 else { return }
    // A year before 0 or after 9999, which the log's own clock never shows.
    output.removeLast(width)
    CanonicalWriter.write(value, to: &output)
}
