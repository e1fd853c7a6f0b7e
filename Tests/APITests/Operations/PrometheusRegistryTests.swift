import CoreMetrics
import Foundation
import ServerFixtures
import Testing

@testable import API

@Suite("Metrics in the text format of Prometheus")
struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry(families: [
        MetricFamily(name: "nrx_a_total", kind: .counter, help: "What a counts."),
        MetricFamily(name: "nrx_b", kind: .gauge, help: "What b is."),
        MetricFamily(name: "nrx_c_seconds", kind: .histogram([0.5, 1, 2.5]), help: "How long c took."),
    ])

    @Test("counters, gauges and histograms, by family and labels, exactly")
    func text() {
        Counter(label: "nrx_a_total", dimensions: [("route", "/b")], factory: registry).increment(by: 2)
        Counter(label: "nrx_a_total", dimensions: [("route", "/b")], factory: registry).increment()
        Counter(label: "nrx_a_total", dimensions: [("route", "/a\"\\\n")], factory: registry).increment()
        Meter(label: "nrx_b", factory: registry).set(-1.5)
        let timer = CoreMetrics.Timer(label: "nrx_c_seconds", factory: registry)
        for milliseconds in [500, 501, 2_500, 9_000] { timer.recordMilliseconds(milliseconds) }
        #expect(
            registry.text == """
                # HELP nrx_a_total What a counts.
                # TYPE nrx_a_total counter
                nrx_a_total{route="/a\\"\\\\\\n"} 1
                nrx_a_total{route="/b"} 3
                # HELP nrx_b What b is.
                # TYPE nrx_b gauge
                nrx_b -1.5
                # HELP nrx_c_seconds How long c took.
                # TYPE nrx_c_seconds histogram
                nrx_c_seconds_bucket{le="0.5"} 1
                nrx_c_seconds_bucket{le="1"} 2
                nrx_c_seconds_bucket{le="2.5"} 3
                nrx_c_seconds_bucket{le="+Inf"} 4
                nrx_c_seconds_sum 12.501
                nrx_c_seconds_count 4

                """)
    }

    @Test("what is no family, or of another kind, is not shown")
    func unknown() {
        Counter(label: "nrx_other_total", factory: registry).increment()
        Counter(label: "nrx_b", factory: registry).increment()
        CoreMetrics.Timer(label: "nrx_a_total", factory: registry).recordSeconds(1)
        #expect(registry.text.isEmpty)
    }

    @Test("a family keeps so many series and no more")
    func bounded() {
        for number in 0..<(PrometheusRegistry.seriesMax + 10) {
            Counter(label: "nrx_a_total", dimensions: [("route", "\(number)")], factory: registry).increment()
        }
        #expect(registry.text.split(separator: "\n").count == PrometheusRegistry.seriesMax + 2)
    }

    @Test("many threads count exactly")
    func concurrent() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 { Counter(label: "nrx_a_total", factory: registry).increment() }
                }
            }
        }
        #expect(registry.text.contains("nrx_a_total 8000\n"))
    }

    @Test("promtool finds nothing to complain about, with every family of the server in it")
    func promtool() throws {
        let metrics = ServerMetrics()
        metrics.requestAnswered(method: .get, route: "/v1/sessions/:id", status: 200, duration: .milliseconds(3))
        metrics.limitReached("key")
        metrics.committed(.init(events: 3, bytes: 640, duration: .microseconds(250)))
        metrics.sessionEnded("proven")
        metrics.destructionTook(.milliseconds(40))
        for family in ServerMetrics.families {
            if case .gauge = family.kind { metrics.set(family.name, 1) }
            #expect(family.help.hasSuffix(".") && !family.help.contains("\n"))
        }
        let text = metrics.registry.text
        for family in ServerMetrics.families { #expect(text.contains("# TYPE \(family.name) \(family.typeName)\n")) }
        let checked = try BuiltPrograms.run("/usr/bin/promtool", ["check", "metrics"], input: Data(text.utf8))
        #expect(checked.status == 0 && checked.output.isEmpty && checked.errors.isEmpty, "\(checked)")
    }
}
