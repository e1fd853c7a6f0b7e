import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Proofs
import NIOCore

/// Takes a request that was let in through its route: what it accepts, its parts, its body, its idempotency key, the
/// handler.
final class RouteAnswering: Sendable {
    let admission: RequestAdmission
    private let desk: IdempotencyDesk
    private let secrets: IdempotencySecrets
    private let sessions: SessionManager

    init(
        admission: RequestAdmission, desk: IdempotencyDesk, secrets: IdempotencySecrets, sessions: SessionManager
    ) {
        self.admission = admission
        self.desk = desk
        self.secrets = secrets
        self.sessions = sessions
    }

    func answer(
        _ request: Request, _ context: APIRequestContext, _ step: RequestAdmission.Step, route: Route
    ) async throws -> APIResponse {
        let principal = try await admission.finish(step, request, context.facts, route: route)
        try Self.checkAcceptable(request, route)
        var exchange = exchange(
            request, context, principal, body: route.streamsBody ? [] : try await Self.body(of: request, route: route),
            route: route)
        exchange.reidentification = Reidentification(
            admission: admission, request: request, facts: context.facts, principal: principal)
        exchange.idempotent = try idempotentRequest(request, exchange, route: route)
        guard let idempotent = exchange.idempotent else { return try await route.handler(exchange) }
        return try await desk.answer(
            idempotent,
            recall: { () throws(APIError) in
                try sessions.recallAnswer(to: idempotent, in: SessionID(anyOf: exchange.parameter("id")))
            }, perform: { () throws(APIError) in try await route.handler(exchange) })
    }

    private func exchange(
        _ request: Request, _ context: APIRequestContext, _ principal: Principal?, body: [UInt8], route: Route
    ) -> Exchange {
        var exchange = Exchange(
            parameters: Self.texts(context.parameters),
            query: request.uri.query == nil ? [:] : Self.texts(request.uri.queryParameters),
            body: body, trace: context.facts.trace, principal: principal)
        exchange.path = request.uri.path
        exchange.queryText = request.uri.query
        if route.capturesRest { exchange.rest = context.parameters.getCatchAll().joined(separator: "/") }
        if route.streamsBody { exchange.bodyStream = request.body }
        exchange.headers = request.headers
        return exchange
    }

    /// By name; of a repeated one the first.
    private static func texts(_ members: Parameters) -> [String: String] {
        members.isEmpty
            ? [:]
            : Dictionary(members.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { first, _ in first })
    }

    static let idempotencyKey = HTTPField.Name("Idempotency-Key")

    /// Nil without the header, and on routes that do not need it.
    private func idempotentRequest(_ request: Request, _ exchange: Exchange, route: Route) throws(APIError)
        -> IdempotentRequest?
    {
        guard let rule = route.idempotency, rule != .notNeeded, let name = Self.idempotencyKey,
            let header = request.headers[name]
        else { return nil }
        let key = try IdempotencyKey(header, opensSecret: rule == .rememberedSecret)
        let scope = exchange.principal.map { "\($0.customerID)/\($0.environment.rawValue)" } ?? "nobody yet"
        let accept = exchange.wantsEvents ? " as events" : ""
        return secrets.request(
            key, scope: scope, request: "\(request.method.rawValue) \(request.uri.string)\(accept)", body: exchange.body
        )
    }

    /// What a client asks for must be among what the route can answer with.
    static func checkAcceptable(_ request: Request, _ route: Route) throws(APIError) {
        guard !route.produces.isEmpty, let header = request.headers[.accept] else { return }
        let accepted = AcceptedTypes(header)
        guard route.produces.contains(where: { accepted.accept($0) }) else {
            throw APIError(
                .notAcceptable,
                "This route answers with \(route.produces.joined(separator: " or ")). Send an `Accept` that allows it.")
        }
    }

    /// Whether none is announced, of a request that needs none (RFC 9112 §6).
    private static func hasNoBody(_ request: Request) -> Bool {
        (request.method == .get || request.method == .head) && request.headers[.contentLength] == nil
            && request.headers[.transferEncoding] == nil
    }

    private static func body(of request: Request, route: Route) async throws(APIError) -> [UInt8] {
        // No route reads the body of a GET; one that is announced is still held to the rules.
        if hasNoBody(request) { return [] }
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: route.bodyBytesMax) } catch {
            throw APIError(.contentTooLarge, "The body is larger than \(route.bodyBytesMax) bytes.")
        }
        guard buffer.readableBytes > 0 else { return [] }
        try checkIsJSON(request)
        return Array(buffer.readableBytesView)
    }

    /// A body of another type is refused.
    static func checkIsJSON(_ request: Request) throws(APIError) {
        if let type = request.headers[.contentType], type != "application/json", !isJSON(type) {
            throw APIError(.unsupportedMediaType, "Send the body as `Content-Type: application/json`.")
        }
    }

    /// JSON by any of its names; clients that say nothing special (`curl -d`) are taken to mean JSON too.
    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() } ?? ""
        return type == "application/json" || type.hasSuffix("+json") || type == "application/x-www-form-urlencoded"
    }
}
