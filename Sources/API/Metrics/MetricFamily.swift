/// What is measured under one name: its kind, its meaning, and for histograms the ranges.
struct MetricFamily: Sendable {
    enum Kind: Sendable {
        case counter, gauge
        /// With the upper bounds of its ranges, ascending.
        case histogram([Double])
    }

    let name: String
    let kind: Kind
    /// One sentence for people who read dashboards.
    let help: String

    var typeName: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }
}

/// The text format of Prometheus, version 0.0.4.
enum PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

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
