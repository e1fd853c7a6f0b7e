import EventStore
import Hummingbird
import Logging
import NIOCore

/// `GET /metrics`: for the operator only, on the administration socket and, with `--metrics-address`, on a port of its own.
struct MetricsRoute: Sendable {
    let metrics: ServerMetrics
    let ledger: LedgerService
    let sessions: SessionManager
    let startedAt: Timestamp

    var route: Route {
        Route(.get, "/metrics", .operator, produces: ["text/plain"]) { _ in answer }
    }

    private var answer: APIResponse {
        var response = APIResponse(status: 200, body: Array(text.utf8))
        response.contentType = PrometheusText.contentType
        response.headers = [("Cache-Control", "no-store")]
        return response
    }

    /// Everything, the gauges as they are now.
    var text: String {
        var gauges = MetricGauges()
        // In this order, so that nothing is projected that is not counted.
        gauges.projectedEvents = ledger.projections.position
        gauges.logEvents = ledger.log.head.size
        gauges.logHasFailed = ledger.failure != nil
        gauges.projectionsHaveFailed = ledger.projections.failure != nil
        gauges.sessions = sessions.counts
        gauges.startedAt = startedAt
        gauges.process = .now
        return metrics.text(gauges)
    }
}

/// Where `--metrics-address` has the metrics read from.
struct MetricsListener: Sendable {
    let address: MetricsAddress
    let route: MetricsRoute
    let logger: Logger

    /// - Parameter listening: called once requests are accepted.
    func application(listening: @escaping @Sendable () -> Void) -> some ApplicationProtocol {
        let router = Router(context: APIRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.on("/metrics", method: .get) { [route] _, _ in try await route.route.handler(Self.exchange).response }
        return Application(
            router: router,
            configuration: .init(address: .hostname(address.host, port: address.port), serverName: "nrx-ledger"),
            onServerRunning: { [logger] channel in
                logger.info(
                    "metrics", metadata: ["address": .string(channel.localAddress.map { "\($0)" } ?? "-")])
                listening()
            }, logger: logger)
    }

    /// The route looks at nothing of a request.
    private static let exchange = Exchange(
        parameters: [:], query: [:], body: [], trace: "metrics", principal: nil)
}

/// `HOST:PORT`.
public struct MetricsAddress: Sendable, Equatable {
    public let host: String
    public let port: Int

    /// - Throws: ``ServerError`` that says how it is written.
    public init(_ text: String) throws(ServerError) {
        let host: Substring
        let rest: Substring
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            (host, rest) = (text[text.index(after: text.startIndex)..<end], text[text.index(after: end)...])
        } else {
            host = text.prefix { $0 != ":" }
            rest = text.dropFirst(host.count)
        }
        guard !host.isEmpty, rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (0...65_535).contains(port) else {
            throw ServerError("--metrics-address \(text) is no address. Write it like 127.0.0.1:9464 or [::1]:9464.")
        }
        self.host = String(host)
        self.port = port
    }
}
