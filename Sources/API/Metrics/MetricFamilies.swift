extension MetricFamily {
    static let requests = MetricFamily(
        name: "nrx_http_requests_total", kind: .counter, help: "Requests answered, by method, route and status.")
    static let requestDuration = MetricFamily(
        name: "nrx_http_request_duration_seconds", kind: .histogram,
        help: "From the request's head to the answer's head, by method and route.")
    static let limitsReached = MetricFamily(
        name: "nrx_limits_reached_total", kind: .counter,
        help: "Requests refused because a limit was reached, by limit.")
    static let batchEvents = MetricFamily(
        name: "nrx_log_batch_events", kind: .histogram, help: "Events in one commit of the log.")
    static let syncDuration = MetricFamily(
        name: "nrx_log_sync_duration_seconds", kind: .histogram, help: "Writing one commit and syncing it to the disk.")
    static let logBytes = MetricFamily(
        name: "nrx_log_bytes_total", kind: .counter, help: "Bytes of commits written to the log.")
    static let logEvents = MetricFamily(name: "nrx_log_events", kind: .gauge, help: "Events in the log.")
    static let logFailed = MetricFamily(
        name: "nrx_log_failed", kind: .gauge, help: "1 when the log takes nothing more until a restart.")
    static let projectionLag = MetricFamily(
        name: "nrx_projection_lag_events", kind: .gauge, help: "Durable events that the projections do not show yet.")
    static let projectionsFailed = MetricFamily(
        name: "nrx_projections_failed", kind: .gauge, help: "1 when the projections no longer follow the log.")
    static let sessions = MetricFamily(
        name: "nrx_sessions", kind: .gauge,
        help: "Sessions on this server now, by state: creating, idle, executing or ending.")
    static let sessionsEnded = MetricFamily(
        name: "nrx_sessions_ended_total", kind: .counter,
        help: "Sessions that ended, by result: proven, or why they are unclean.")
    static let destructionDuration = MetricFamily(
        name: "nrx_session_destruction_duration_seconds", kind: .histogram,
        help: "From the decision to end a session to its durable proof, or to its failure.")
    static let processorTime = MetricFamily(
        name: "process_cpu_seconds_total", kind: .counter, help: "Processor time of this process.")
    static let residentMemory = MetricFamily(
        name: "process_resident_memory_bytes", kind: .gauge, help: "Memory of this process that is in RAM.")
    static let openDescriptors = MetricFamily(
        name: "process_open_fds", kind: .gauge, help: "File descriptors that this process has open.")
    static let descriptorsMax = MetricFamily(
        name: "process_max_fds", kind: .gauge, help: "File descriptors that this process may have open.")
    static let startTime = MetricFamily(
        name: "process_start_time_seconds", kind: .gauge, help: "When the server started, in seconds since 1970.")

    /// All of them, in the order they are written; docs/operations.md has the same table.
    static let all: [MetricFamily] = [
        requests, requestDuration, limitsReached, batchEvents, syncDuration, logBytes, sessionsEnded,
        destructionDuration, sessions, logEvents, logFailed, projectionLag, projectionsFailed, processorTime,
        residentMemory, openDescriptors, descriptorsMax, startTime,
    ]
}
