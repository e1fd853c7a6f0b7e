/// What is measured under one name: its kind, and its meaning in a sentence for people who read dashboards.
struct MetricFamily: Sendable, Equatable {
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    let name: String
    let kind: Kind
    let help: String
}

/// Metrics in the text format of Prometheus, version 0.0.4.
///
/// ```swift
/// var text = PrometheusText()
/// text.begin(family)
/// text.number(3, of: family, [("route", "/v1/health")])
/// ```
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    /// Says what the samples are that come next, which belong to `family`.
    mutating func begin(_ family: MetricFamily) {
        text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
    }

    mutating func number(_ value: Double, of family: MetricFamily, _ labels: [(String, String)] = []) {
        sample(family.name, labels, Self.number(value))
    }

    mutating func histogram(_ histogram: Histogram, of family: MetricFamily, _ labels: [(String, String)] = []) {
        let bounds = histogram.ranges.bounds.map { Self.number(Double($0) / histogram.ranges.unit) } + ["+Inf"]
        // Read once, so that the last range and the count are the same whatever is recorded meanwhile.
        let counts = histogram.cumulative
        for (bound, count) in zip(bounds, counts) {
            sample(family.name + "_bucket", labels + [("le", bound)], String(count))
        }
        sample(family.name + "_sum", labels, Self.number(histogram.sum))
        sample(family.name + "_count", labels, String(counts.last ?? 0))
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += "\(name)\(Self.labels(labels)) \(value)\n"
    }

    /// `{a="b",c="d"}`, or nothing without labels.
    static func labels(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { name, value in "\(name)=\"\(escaped(value))\"" }.joined(separator: ",") + "}"
    }

    /// A label's value: backslash, quote and newline escaped.
    static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Whole numbers without a fraction, infinities as the format spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return value.description
    }
}
