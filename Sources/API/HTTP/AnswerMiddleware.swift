import Proofs
import HTTPTypes
import Hummingbird
import Logging

/// Around every request: its id, one log line, and errors in the envelope of the path's dialect.
struct AnswerMiddleware: RouterMiddleware {
    let clients: ClientAddress
    let limits: RequestLimits
    let crossOrigin: CrossOrigin
    /// By the path's pattern.
    let paths: [String: KnownPath]
    let metrics: ServerMetrics
    let logger: Logger

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
        /// Whether pages of any origin may use it.
        let isForAnyOrigin: Bool
        let metrics: RequestMetrics.Route
    }

    func handle(
        _ request: Request, context: APIRequestContext, next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.client = clients.find(
            peer: context.peer, forwardedFor: Self.forwardedFor.map { request.headers[values: $0] } ?? [])
        var response: Response
        do {
            try limits.admit(context.client, .overall, report: context.limits)
            try Dialect.speaking(at: request.uri.path).admit(
                Self.clientName.flatMap { request.headers[$0] }, Self.clientVersion.flatMap { request.headers[$0] })
            response = try await next(request, context)
        } catch {
            if let limit = (error as? APIError)?.limit { metrics.reached(limit) }
            response = render(error, in: Dialect.speaking(at: request.uri.path), context)
        }
        let path = context.endpointPath.flatMap { paths[$0] }
        crossOrigin.mark(&response, for: request, isPublic: path?.isForAnyOrigin ?? false)
        context.limits.write(to: &response.headers)
        // The router strips bodies for HEAD only where a route answered.
        if request.method == .head { response = response.createHeadResponse() }
        let requestID = clientRequestID(request) ?? context.trace
        if let name = Self.requestID { response.headers.append(HTTPField(name: name, value: requestID)) }
        let tracing = TraceContext(Self.traceParent.flatMap { request.headers[$0] })
        if let tracing, let name = Self.traceParent { response.headers[name] = tracing.header(for: context.trace) }
        let elapsed = start.duration(to: .now)
        (path?.metrics ?? metrics.requests.unknown)
            .answered(request.method, status: response.status.code, elapsed: elapsed)
        log(request, response, path, requestID: requestID, tracing: tracing, elapsed: elapsed, context)
        return response
    }

    /// The one line of a request. The path is the route's pattern, so neither ids nor queries reach the process's log.
    private func log(
        _ request: Request, _ response: Response, _ path: KnownPath?, requestID: String, tracing: TraceContext?,
        elapsed: Duration, _ context: APIRequestContext
    ) {
        // What nobody writes is not put together.
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "trace": .string(context.trace), "request_id": .string(requestID),
            "method": .string(request.method.rawValue), "route": .string(path?.pattern ?? "-"),
            "status": .stringConvertible(response.status.code),
            "microseconds": .stringConvertible(elapsed.nanoseconds / 1_000),
        ]
        if let tracing { metadata["trace_id"] = .string(tracing.traceID) }
        logger.info("request", metadata: metadata)
    }

    private func render(_ error: any Error, in dialect: Dialect, _ context: APIRequestContext) -> Response {
        switch error {
        case let error as APIError:
            if error.code == .internalError { log(error.message, context) }
            return dialect.answer(to: error).response
        case let error as HTTPError where error.status == .notFound: return dialect.answer(to: .routeNotFound).response
        case let error as HTTPError where error.status.code < 500:
            return dialect.answer(to: APIError(.badRequest, error.body ?? "The request is malformed.")).response
        default:
            log(String(describing: error), context)
            return dialect.answer(to: .internalError).response
        }
    }

    private func log(_ message: String, _ context: APIRequestContext) {
        logger.error("request failed", metadata: ["trace": .string(context.trace), "error": .string(message)])
    }

    /// The client's own id of the request, when it is one line of printable text.
    private func clientRequestID(_ request: Request) -> String? {
        guard let name = Self.requestID, let text = request.headers[name], !text.isEmpty,
            text.utf8.count <= Self.clientRequestIDBytesMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return text
    }
}
