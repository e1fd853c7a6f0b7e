import CoreMetrics
import EventStore
import HTTPTypes
import Proofs

/// What the server counts and times, for its operator. No label holds an id, an address or anything else of a customer's.
struct ServerMetrics: Sendable {
    /// All of it.
    let registry = PrometheusRegistry(families: ServerMetrics.families)

    private static let requestBounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    private static let syncBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
    private static let destructionBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
    private static let batchBounds = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

    /// Every name, its kind and its meaning; docs/operations.md has the same table.
    static let families = [
        MetricFamily(
            name: "nrx_http_requests_total", kind: .counter, help: "Requests answered, by method, route and status."),
        MetricFamily(
            name: "nrx_http_request_duration_seconds", kind: .histogram(requestBounds),
            help: "From the request's head to the answer's head, by method and route."),
        MetricFamily(
            name: "nrx_limits_reached_total", kind: .counter,
            help: "Requests refused because a limit was reached, by limit."),
        MetricFamily(
            name: "nrx_log_batch_events", kind: .histogram(batchBounds), help: "Events in one commit of the log."),
        MetricFamily(
            name: "nrx_log_sync_duration_seconds", kind: .histogram(syncBounds),
            help: "Writing one commit and syncing it to the disk."),
        MetricFamily(name: "nrx_log_bytes_total", kind: .counter, help: "Bytes of commits written to the log."),
        MetricFamily(name: "nrx_log_events", kind: .gauge, help: "Events in the log."),
        MetricFamily(name: "nrx_log_failed", kind: .gauge, help: "1 when the log takes nothing more until a restart."),
        MetricFamily(
            name: "nrx_projection_lag_events", kind: .gauge,
            help: "Durable events that the projections do not show yet."),
        MetricFamily(
            name: "nrx_projections_failed", kind: .gauge, help: "1 when the projections no longer follow the log."),
        MetricFamily(name: "nrx_sessions", kind: .gauge, help: "Sessions on this server now, by state."),
        MetricFamily(
            name: "nrx_sessions_ended_total", kind: .counter,
            help: "Sessions that ended, by result: proven, or why they are unclean."),
        MetricFamily(
            name: "nrx_session_destruction_duration_seconds", kind: .histogram(destructionBounds),
            help: "From the decision to end a session to its durable proof, or to its failure."),
        MetricFamily(
            name: "process_resident_memory_bytes", kind: .gauge, help: "Memory of this process that is in RAM."),
        MetricFamily(
            name: "process_start_time_seconds", kind: .gauge, help: "When the server started, in seconds since 1970."),
    ]

    private static let methods: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete, .options]

    /// A request was answered.
    ///
    /// - Parameters:
    ///   - route: the route's pattern; nil for a path that is none.
    ///   - duration: until the answer's head.
    func requestAnswered(method: HTTPRequest.Method, route: String?, status: Int, duration: Duration) {
        // Anything can stand where a method stands; what is no usual one shares a label.
        let labels = [
            ("method", Self.methods.contains(method) ? method.rawValue : "other"), ("route", route ?? "none"),
        ]
        Counter(
            label: "nrx_http_requests_total", dimensions: labels + [("status", String(status))], factory: registry
        ).increment()
        Timer(label: "nrx_http_request_duration_seconds", dimensions: labels, factory: registry)
            .recordNanoseconds(duration.nanoseconds)
    }

    /// A request was refused because of a limit.
    func limitReached(_ limit: String) {
        Counter(label: "nrx_limits_reached_total", dimensions: [("limit", limit)], factory: registry).increment()
    }

    /// The log made a batch durable.
    func committed(_ commit: CommitMeasurement) {
        Recorder(label: "nrx_log_batch_events", dimensions: [], aggregate: true, factory: registry)
            .record(commit.events)
        Timer(label: "nrx_log_sync_duration_seconds", factory: registry).recordNanoseconds(commit.duration.nanoseconds)
        Counter(label: "nrx_log_bytes_total", factory: registry).increment(by: commit.bytes)
    }

    /// A session ended.
    ///
    /// - Parameter result: `proven`, or why it is expired_unclean.
    func sessionEnded(_ result: String) {
        Counter(label: "nrx_sessions_ended_total", dimensions: [("result", result)], factory: registry).increment()
    }

    /// The destruction of a session is over.
    func destructionTook(_ duration: Duration) {
        Timer(label: "nrx_session_destruction_duration_seconds", factory: registry)
            .recordNanoseconds(duration.nanoseconds)
    }

    /// Sets what is looked up when somebody asks.
    func set(_ name: String, _ value: Double, _ labels: [(String, String)] = []) {
        Meter(label: name, dimensions: labels, factory: registry).set(value)
    }
}

extension Duration {
    /// The whole nanoseconds of it.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
