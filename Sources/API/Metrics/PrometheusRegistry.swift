import CoreMetrics
import Synchronization

/// Keeps what swift-metrics counts and times, and writes it as Prometheus reads it.
///
/// ```swift
/// Counter(label: "nrx_http_requests_total", dimensions: [("route", "/v1/health")], factory: registry).increment()
/// registry.text
/// ```
///
/// Only the families that it was made with are kept; what is recorded under another name, or as another kind, goes
/// nowhere. So is what would be one series too many, so that nobody's requests can fill the memory.
final class PrometheusRegistry: MetricsFactory {
    /// Most series of one family; another combination of labels beyond it is not kept.
    static let seriesMax = 4_096

    private struct Series: Sendable {
        let labels: [(String, String)]
        let number: NumberSeries?
        let histogram: HistogramSeries?
    }

    private let families: [MetricFamily]
    private let familiesByName: [String: MetricFamily]
    /// By name of the family, then by the labels as text.
    private let series = Mutex<[String: [String: Series]]>([:])

    init(families: [MetricFamily]) {
        self.families = families
        familiesByName = Dictionary(families.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        number(label, dimensions) { if case .counter = $0 { true } else { false } }
    }

    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        number(label, dimensions) { if case .counter = $0 { true } else { false } }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        number(label, dimensions) { if case .gauge = $0 { true } else { false } }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return histogram(label, dimensions) }
        return number(label, dimensions) { if case .gauge = $0 { true } else { false } }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { histogram(label, dimensions) }

    // Series live as long as the registry: Prometheus takes a counter that begins again for a restart.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private func number(
        _ name: String, _ labels: [(String, String)], _ fits: (MetricFamily.Kind) -> Bool
    ) -> NumberSeries {
        guard let family = familiesByName[name], fits(family.kind) else { return NumberSeries() }
        let made = { Series(labels: labels, number: NumberSeries(), histogram: nil) }
        return kept(family, labels, made).number ?? NumberSeries()
    }

    private func histogram(_ name: String, _ labels: [(String, String)]) -> HistogramSeries {
        guard let family = familiesByName[name], case .histogram(let bounds) = family.kind else {
            return HistogramSeries(bounds: [])
        }
        let made = { Series(labels: labels, number: nil, histogram: HistogramSeries(bounds: bounds)) }
        return kept(family, labels, made).histogram ?? HistogramSeries(bounds: bounds)
    }

    private func kept(_ family: MetricFamily, _ labels: [(String, String)], _ made: () -> Series) -> Series {
        let key = PrometheusText.labels(labels)
        return series.withLock { all in
            if let known = all[family.name]?[key] { return known }
            let new = made()
            if all[family.name]?.count ?? 0 < Self.seriesMax { all[family.name, default: [:]][key] = new }
            return new
        }
    }

    /// Everything in the text format, families in the order they were given, series by their labels. Families without a
    /// series are left out.
    var text: String {
        let all = series.withLock { $0 }
        return families.map { family in
            guard let series = all[family.name], !series.isEmpty else { return "" }
            let lines = series.sorted { $0.key < $1.key }.flatMap { Self.lines(family.name, $0.value) }
            let head = ["# HELP \(family.name) \(family.help)", "# TYPE \(family.name) \(family.typeName)"]
            return (head + lines).map { $0 + "\n" }.joined()
        }.joined()
    }

    private static func lines(_ name: String, _ series: Series) -> [String] {
        let labels = series.labels
        if let number = series.number {
            return ["\(name)\(PrometheusText.labels(labels)) \(PrometheusText.number(number.value))"]
        }
        guard let histogram = series.histogram else { return [] }
        let snapshot = histogram.snapshot
        let bounds = histogram.bounds.map(PrometheusText.number) + ["+Inf"]
        let buckets = zip(bounds, snapshot.counts + [snapshot.count]).map { bound, count in
            "\(name)_bucket\(PrometheusText.labels(labels + [("le", bound)])) \(count)"
        }
        return buckets + [
            "\(name)_sum\(PrometheusText.labels(labels)) \(PrometheusText.number(snapshot.sum))",
            "\(name)_count\(PrometheusText.labels(labels)) \(snapshot.count)",
        ]
    }
}
