import Synchronization

/// Numbers side by side that many threads count up without waiting for each other: one atomic addition each, and nothing
/// is ever looked up or allocated to make it.
final class Counts: Sendable {
    /// How many numbers there are.
    static let slots = 40

    private let numbers = InlineArray<40, Atomic<UInt64>> { _ in Atomic(0) }

    func add(_ amount: UInt64 = 1, at slot: Int = 0) { numbers[slot].wrappingAdd(amount, ordering: .relaxed) }

    func value(at slot: Int = 0) -> UInt64 { numbers[slot].load(ordering: .relaxed) }
}

/// One number that is counted up.
final class Count: Sendable {
    private let number = Atomic<UInt64>(0)

    var value: UInt64 { number.load(ordering: .relaxed) }

    func add(_ amount: UInt64 = 1) { number.wrappingAdd(amount, ordering: .relaxed) }
}

/// How often a measured value fell into each of some ranges.
final class Histogram: Sendable {
    /// The ranges of a histogram, in the unit that is recorded.
    struct Ranges: Sendable {
        /// The upper bounds, each of its range, ascending; above them all lies one more range.
        let bounds: [UInt64]
        /// How many of the unit that is recorded make one of the unit that is shown.
        let unit: Double

        /// Durations, recorded in nanoseconds and shown in seconds.
        static func seconds(_ bounds: [Double]) -> Ranges {
            Ranges(bounds: bounds.map { UInt64(($0 * 1e9).rounded()) }, unit: 1e9)
        }

        /// Counts of things.
        static func numbers(_ bounds: [UInt64]) -> Ranges { Ranges(bounds: bounds, unit: 1) }
    }

    let ranges: Ranges
    /// How often each range was met, by its place; not cumulative.
    private let counts = Counts()
    private let total = Count()

    /// - Parameter ranges: fewer than ``Counts/slots``.
    init(_ ranges: Ranges) {
        precondition(ranges.bounds.count < Counts.slots)
        self.ranges = ranges
    }

    /// Counts a value, in the unit of the ranges' bounds.
    func record(_ value: UInt64) {
        counts.add(at: ranges.bounds.firstIndex { value <= $0 } ?? ranges.bounds.count)
        total.add(value)
    }

    /// Counts a duration; the ranges are in seconds.
    func record(_ duration: Duration) { record(UInt64(max(0, duration.nanoseconds))) }

    /// How often each bound was not exceeded, cumulative, and last how often anything was recorded.
    var cumulative: [UInt64] {
        var sum: UInt64 = 0
        return (0...ranges.bounds.count).map { place in
            sum += counts.value(at: place)
            return sum
        }
    }

    /// The sum of what was recorded, in the unit that is shown.
    var sum: Double { Double(total.value) / ranges.unit }
}

extension Duration {
    /// The whole nanoseconds of it.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
