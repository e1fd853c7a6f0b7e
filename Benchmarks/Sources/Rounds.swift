/// Ours and its peers measured in short rounds that take turns, so that a noisy machine disturbs all of them alike.
struct Rounds {
    /// How many rounds; the median of them is what is shown.
    let count: Int
    /// Length of one measurement in a round.
    let seconds: Double

    /// Calls each of `measurements` once a round, in order.
    ///
    /// - Returns: for each measurement the median of what it gave.
    func medians(_ measurements: [(Double) async throws -> Double]) async throws -> [Double] {
        var samples = [[Double]](repeating: [], count: measurements.count)
        for _ in 0..<count {
            for (index, measurement) in measurements.enumerated() {
                samples[index].append(try await measurement(seconds))
            }
        }
        return samples.map(median)
    }
}

/// The middle value; of an even number, the mean of the two in the middle. Of none, 0.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}

/// Repeats `body` until `seconds` have passed.
///
/// - Returns: how often a second.
func rate(for seconds: Double, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    let end = start.advanced(by: .seconds(seconds))
    var count = 0
    while clock.now < end {
        try body()
        count += 1
    }
    return Double(count) / start.duration(to: clock.now).inSeconds
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// Why something could not be measured.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
