import CoreMetrics
import Synchronization

/// One number that is counted up or set: a counter or a gauge of Prometheus.
final class NumberSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let number = Mutex(0.0)

    /// The number now.
    var value: Double { number.withLock { $0 } }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { number.withLock { $0 += amount } }
    func decrement(by amount: Double) { number.withLock { $0 -= amount } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { number.withLock { $0 = value } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
}

/// How often a measured value fell into each of some ranges: a histogram of Prometheus. Times are in seconds.
final class HistogramSeries: TimerHandler, RecorderHandler {
    /// What was recorded up to some moment.
    struct Snapshot: Sendable {
        /// How often each bound was not exceeded, in the order of ``HistogramSeries/bounds``; cumulative.
        var counts: [UInt64]
        var count: UInt64 = 0
        var sum = 0.0
    }

    /// The upper bounds of the ranges, ascending; above them all lies one more.
    let bounds: [Double]
    private let recorded: Mutex<Snapshot>

    init(bounds: [Double]) {
        self.bounds = bounds
        recorded = Mutex(Snapshot(counts: [UInt64](repeating: 0, count: bounds.count)))
    }

    var snapshot: Snapshot { recorded.withLock { $0 } }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        recorded.withLock { recorded in
            for index in bounds.indices.reversed() {
                guard value <= bounds[index] else { break }
                recorded.counts[index] += 1
            }
            recorded.count += 1
            recorded.sum += value
        }
    }
}
