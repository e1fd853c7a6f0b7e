import EventStore
import Foundation
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("Metrics in the text format of Prometheus")
struct ServerMetricsTests {
    private static let family = MetricFamily(name: "nrx_c_seconds", kind: .histogram, help: "How long c took.")

    @Test("a histogram's ranges are cumulative, a bound belongs to its range, and the sum is in seconds")
    func histogram() {
        let histogram = Histogram(.seconds([0.5, 1, 2.5]))
        for milliseconds in [500, 501, 2_500, 9_000] { histogram.record(.milliseconds(milliseconds)) }
        var text = PrometheusText()
        text.begin(Self.family)
        text.histogram(histogram, of: Self.family, [("a", "b")])
        #expect(
            text.text == """
                # HELP nrx_c_seconds How long c took.
                # TYPE nrx_c_seconds histogram
                nrx_c_seconds_bucket{a="b",le="0.5"} 1
                nrx_c_seconds_bucket{a="b",le="1"} 2
                nrx_c_seconds_bucket{a="b",le="2.5"} 3
                nrx_c_seconds_bucket{a="b",le="+Inf"} 4
                nrx_c_seconds_sum{a="b"} 12.501
                nrx_c_seconds_count{a="b"} 4

                """)
    }

    @Test("numbers and labels as the format spells them")
    func spelling() {
        let numbers: [(Double, String)] = [
            (0, "0"), (-1.5, "-1.5"), (1_772_373_700, "1772373700"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (.nan, "NaN"), (0.000_25, "0.00025"),
        ]
        for (number, text) in numbers { #expect(PrometheusText.number(number) == text) }
        #expect(PrometheusText.labels([("a", "\"\\\n"), ("b", "c")]) == #"{a="\"\\\n",b="c"}"#)
        #expect(PrometheusText.labels([]).isEmpty)
    }

    @Test("many threads count exactly")
    func concurrent() async {
        let metrics = RequestMetrics()
        let route = metrics.route("/v1/a", methods: [.get])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 { route.answered(.get, status: 200, elapsed: .milliseconds(1)) }
                }
            }
        }
        #expect(metrics.series.map { $0.counts.map(\.count) } == [[8_000]])
        #expect(metrics.series.first?.duration.cumulative.last == 8_000)
        #expect(metrics.series.first?.duration.sum == 8)
    }

    @Test("no request makes a new series: strange methods and statuses share one, unknown paths too")
    func bounded() throws {
        let metrics = RequestMetrics()
        let route = metrics.route("/v1/a", methods: [.get, .post])
        for number in 0..<500 {
            let method = try #require(HTTPRequest.Method(rawValue: "METHOD\(number)"))
            route.answered(method, status: number, elapsed: .zero)
            metrics.unknown.answered(method, status: 1_000 + number, elapsed: .zero)
        }
        route.answered(.delete, status: 405, elapsed: .zero)
        route.answered(.post, status: 201, elapsed: .zero)
        #expect(metrics.series.map { "\($0.method) \($0.route)" } == ["POST /v1/a", "other /v1/a", "other none"])
        #expect(metrics.series[0].counts.map(\.status) == ["201"])
        #expect(metrics.series[1].counts.map(\.count).reduce(0, +) == 501)
        #expect(metrics.series[2].counts.map(\.status) == ["other"])
        // The router may be made again; what was counted stays.
        metrics.route("/v1/a", methods: [.get, .post]).answered(.post, status: 201, elapsed: .zero)
        #expect(metrics.series.count == 3 && metrics.series[0].counts.map(\.count) == [2])
    }

    @Test("every status that the API answers with has a place of its own")
    func statuses() {
        for code in APIError.Code.allCases {
            #expect(StatusSlots.names[StatusSlots.slot(of: code.status)] == String(code.status))
        }
        #expect(StatusSlots.names.count <= Counts.slots)
        for status in [-1, 0, 299, 599, 600, .max] {
            #expect(StatusSlots.names[StatusSlots.slot(of: status)] == "other")
        }
    }

    @Test("promtool finds nothing to complain about, with every family of the server in it")
    func promtool() throws {
        let metrics = ServerMetrics()
        metrics.requests.route("/v1/sessions/:id", methods: [.get])
            .answered(.get, status: 200, elapsed: .milliseconds(3))
        metrics.reached(.key)
        metrics.committed(CommitMeasurement(events: 3, bytes: 640, duration: .microseconds(250)))
        metrics.ended(.proven)
        metrics.destructionTook(.milliseconds(40))
        var gauges = MetricGauges()
        gauges.process = .now
        let text = metrics.text(gauges)
        for family in MetricFamily.all {
            #expect(
                text.contains("# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"))
            #expect(text.contains("\n\(family.name)"), "\(family.name) has a sample")
            #expect(family.help.hasSuffix(".") && !family.help.contains("\n"))
        }
        #expect(text.components(separatedBy: "# TYPE ").count == MetricFamily.all.count + 1)
        let checked = try BuiltPrograms.run("/usr/bin/promtool", ["check", "metrics"], input: Data(text.utf8))
        #expect(checked.status == 0 && checked.output.isEmpty && checked.errors.isEmpty, "\(checked)")
        // The look itself works: promtool reads what it is given.
        let broken = try BuiltPrograms.run("/usr/bin/promtool", ["check", "metrics"], input: Data("nrx{".utf8))
        #expect(broken.status != 0)
    }
}
