public import EventStore

/// A calendar month in UTC, in which proofs and requests are counted; it starts on the 1st at 00:00:00Z.
///
/// Cycles never go back: when a clock is set back over the first of a month, what follows still counts in the newer
/// month. So a stepped clock can neither reset a counter twice nor open a closed month.
public struct BillingCycle: Sendable, Hashable, Comparable {
    /// The first moment of the cycle.
    public let start: Timestamp
    /// The first moment after it.
    public let end: Timestamp

    /// The cycle that holds `time`.
    public init(holding time: Timestamp) {
        let text = time.dayText
        let year = Int(text.prefix(4)) ?? 1970
        let month = Int(text.dropFirst(5).prefix(2)) ?? 1
        start = Self.firstOfMonth(year, month)
        end = month == 12 ? Self.firstOfMonth(year + 1, 1) : Self.firstOfMonth(year, month + 1)
    }

    /// The later of this cycle and the one that holds `time`.
    public func advanced(to time: Timestamp) -> BillingCycle { time < end ? self : BillingCycle(holding: time) }

    public static func < (left: BillingCycle, right: BillingCycle) -> Bool { left.start < right.start }

    /// `YYYY-MM`.
    public var text: String { String(start.dayText.prefix(7)) }

    private static func firstOfMonth(_ year: Int, _ month: Int) -> Timestamp {
        func pad(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        // Years of four digits always parse; beyond them the log's own time form ends too.
        return Timestamp("\(pad(year, 4))-\(pad(month, 2))-01T00:00:00Z") ?? Timestamp(microseconds: .max)
    }
}
