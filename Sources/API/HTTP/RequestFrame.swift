import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Proofs

/// What stands around every request, whichever way it is answered: where it comes from, the limit of its address, its id,
/// one log line, its metrics, and errors in the envelope of the path's dialect.
final class RequestFrame: Sendable {
    let clients: ClientAddress
    let limits: RequestLimits
    let crossOrigin: CrossOrigin
    let metrics: ServerMetrics
    private let logger: Logger

    private static let requestID = HTTPField.Name("X-Request-Id")
    private static let traceParent = HTTPField.Name("traceparent")
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")
    private static let clientName = HTTPField.Name("X-Client-Name")
    private static let clientVersion = HTTPField.Name("X-Client-Version")
    private static let clientRequestIDBytesMax = 128

    /// What holds for a path whatever the method.
    struct KnownPath: Sendable {
        /// As the route table has it, for the log and the metrics.
        let pattern: String
        let dialect: Dialect
        /// Whether pages of any origin may use it.
        let isForAnyOrigin: Bool
        let metrics: RequestMetrics.Route
    }

    init(
        clients: ClientAddress, limits: RequestLimits, crossOrigin: CrossOrigin, metrics: ServerMetrics, logger: Logger
    ) {
        self.clients = clients
        self.limits = limits
        self.crossOrigin = crossOrigin
        self.metrics = metrics
        self.logger = logger
    }

    /// - Parameter peer: the other end of the connection.
    func facts(of request: Request, peer: InternetAddress?) -> RequestFacts {
        guard !clients.trustedProxies.isEmpty, let name = Self.forwardedFor else { return RequestFacts(client: peer) }
        return RequestFacts(client: clients.find(peer: peer, forwardedFor: request.headers[values: name]))
    }

    /// What every request has to pass, whatever it asks for.
    func admit(_ request: Request, _ facts: RequestFacts, to dialect: Dialect) throws(APIError) {
        try limits.admit(facts.client, .overall, report: facts.limits)
        if let admit = dialect.admit {
            try admit(
                Self.clientName.flatMap { request.headers[$0] }, Self.clientVersion.flatMap { request.headers[$0] })
        }
    }

    /// Adds what every answer says of itself to its header fields, and counts and logs it.
    ///
    /// - Parameters:
    ///   - path: nil where there is none of that name.
    ///   - start: when the request's head was there.
    func finish(
        _ fields: inout HTTPFields, status: Int, to request: Request, _ facts: RequestFacts, on path: KnownPath?,
        since start: ContinuousClock.Instant
    ) {
        crossOrigin.mark(&fields, for: request, isPublic: path?.isForAnyOrigin ?? false)
        facts.limits.write(to: &fields)
        let requestID = clientRequestID(request) ?? facts.trace
        if let name = Self.requestID { fields.append(HTTPField(name: name, value: requestID)) }
        let tracing = TraceContext(Self.traceParent.flatMap { request.headers[$0] })
        if let tracing, let name = Self.traceParent { fields[name] = tracing.header(for: facts.trace) }
        let elapsed = start.duration(to: .now)
        (path?.metrics ?? metrics.requests.unknown).answered(request.method, status: status, elapsed: elapsed)
        log(request, status, path, requestID: requestID, tracing: tracing, elapsed: elapsed, facts)
    }

    /// The one line of a request. The path is the route's pattern, so neither ids nor queries reach the process's log.
    private func log(
        _ request: Request, _ status: Int, _ path: KnownPath?, requestID: String, tracing: TraceContext?,
        elapsed: Duration, _ facts: RequestFacts
    ) {
        // What nobody writes is not put together.
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "trace": .string(facts.trace), "request_id": .string(requestID),
            "method": .string(request.method.rawValue), "route": .string(path?.pattern ?? "-"),
            "status": .stringConvertible(status),
            "microseconds": .stringConvertible(elapsed.nanoseconds / 1_000),
        ]
        if let tracing { metadata["trace_id"] = .string(tracing.traceID) }
        logger.info("request", metadata: metadata)
    }

    /// The answer to a request that failed.
    func render(_ error: any Error, in dialect: Dialect, _ facts: RequestFacts) -> APIResponse {
        if let limit = (error as? APIError)?.limit { metrics.reached(limit) }
        switch error {
        case let error as APIError:
            if error.code == .internalError { log(error.message, facts) }
            return dialect.answer(to: error)
        case let error as HTTPError where error.status == .notFound: return dialect.answer(to: .routeNotFound)
        case let error as HTTPError where error.status.code < 500:
            return dialect.answer(to: APIError(.badRequest, error.body ?? "The request is malformed."))
        default:
            log(String(describing: error), facts)
            return dialect.answer(to: .internalError)
        }
    }

    private func log(_ message: String, _ facts: RequestFacts) {
        logger.error("request failed", metadata: ["trace": .string(facts.trace), "error": .string(message)])
    }

    /// The client's own id of the request, when it is one line of printable text.
    private func clientRequestID(_ request: Request) -> String? {
        guard let name = Self.requestID, let text = request.headers[name], !text.isEmpty,
            text.utf8.count <= Self.clientRequestIDBytesMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return text
    }
}
