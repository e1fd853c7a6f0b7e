import Projections
import Proofs
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import NIOCore

/// Turns the route table into Hummingbird's router: body limits, authentication, permission and errors are handled here
/// once, so that no route can forget them.
struct RouterBuilder: Sendable {
    let authenticator: Authenticator
    let memberAuthenticator: MemberAuthenticator
    let meter: RequestMeter
    let clients: ClientAddress
    let limits: RequestLimits
    let desk: IdempotencyDesk
    let secrets: IdempotencySecrets
    let sessions: SessionManager
    let crossOrigin: CrossOrigin
    let metrics: ServerMetrics
    let logger: Logger

    func router(for routes: [Route]) -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: AnswerMiddleware(
                clients: clients, limits: limits, crossOrigin: crossOrigin, paths: paths(of: routes), metrics: metrics,
                logger: logger))
        for route in routes {
            router.on(RouterPath(stringLiteral: route.path), method: route.method.httpMethod) { request, context in
                try await answer(request, context, route: route).response
            }
        }
        addMethodRefusals(to: router, routes: routes)
        return router
    }

    /// What holds for each path, by its pattern as a request's context names it.
    private func paths(of routes: [Route]) -> [String: AnswerMiddleware.KnownPath] {
        Dictionary(grouping: routes, by: { RouterPath(stringLiteral: $0.path).description })
            .mapValues { present in
                let methods = Set(present.map(\.method.httpMethod))
                return AnswerMiddleware.KnownPath(
                    pattern: present[0].path, isForAnyOrigin: present.contains(where: \.isForAnyOrigin),
                    metrics: metrics.requests.route(
                        present[0].path, methods: methods.contains(.get) ? methods.union([.head]) : methods))
            }
    }

    /// Methods that a known path does not have get 405 with `Allow`, not 404.
    private func addMethodRefusals(to router: Router<APIRequestContext>, routes: [Route]) {
        for (path, present) in Dictionary(grouping: routes, by: \.path) {
            let allowed = present.map(\.method.rawValue) + (present.contains { $0.method == .get } ? ["HEAD"] : [])
            let absent = Route.Method.allCases.filter { method in !present.contains { $0.method == method } }
            let isPublic = present.contains(where: \.isForAnyOrigin)
            for method in absent.map(\.httpMethod) + Self.otherMethods {
                router.on(RouterPath(stringLiteral: path), method: method) { request, _ -> Response in
                    if method == .options,
                        let answer = crossOrigin.preflight(request, methods: allowed, isPublic: isPublic)
                    {
                        return answer
                    }
                    var error = APIError(
                        .methodNotAllowed,
                        "This path has no \(method.rawValue). Use \(allowed.joined(separator: ", ")).")
                    error.allowedMethods = allowed
                    throw error
                }
            }
        }
    }

    /// Methods that no route has: those of HTTP itself, and those of WebDAV and the like that scanners try.
    private static let otherMethods: [HTTPRequest.Method] =
        [.options, .trace, .connect]
        + ["COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "PURGE", "QUERY", "REPORT", "SEARCH", "UNLOCK"]
        .compactMap(HTTPRequest.Method.init(rawValue:))

    /// What a client asks for must be among what the route can answer with.
    private func checkAcceptable(_ request: Request, _ route: Route) throws(APIError) {
        let accepted = AcceptedTypes(request.headers[.accept])
        guard route.produces.isEmpty || route.produces.contains(where: { accepted.accept($0) }) else {
            throw APIError(
                .notAcceptable,
                "This route answers with \(route.produces.joined(separator: " or ")). Send an `Accept` that allows it.")
        }
    }

    private func answer(_ request: Request, _ context: APIRequestContext, route: Route) async throws -> APIResponse {
        let principal = try await admit(request, context, route: route)
        try checkAcceptable(request, route)
        var exchange = Exchange(
            path: request.uri.path,
            parameters: Dictionary(
                context.parameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { first, _ in first }),
            rest: context.parameters.getCatchAll().joined(separator: "/"),
            query: Dictionary(
                request.uri.queryParameters.map { (String($0.key), String($0.value)) },
                uniquingKeysWith: { first, _ in first }),
            queryText: request.uri.query,
            body: route.streamsBody ? [] : try await body(of: request, route: route),
            bodyStream: route.streamsBody ? request.body : nil, headers: request.headers, trace: context.trace,
            principal: principal,
            isStillAllowed: {
                do throws(APIError) {
                    let now = try await identify(request, context)
                    return now.actor == principal?.actor && now.permissions == principal?.permissions
                } catch { return false }
            })
        exchange.idempotent = try idempotentRequest(request, exchange, route: route)
        guard let idempotent = exchange.idempotent else { return try await route.handler(exchange) }
        return try await desk.answer(
            idempotent,
            recall: { () throws(APIError) in
                try sessions.recallAnswer(to: idempotent, in: SessionID(anyOf: exchange.parameter("id")))
            }, perform: { () throws(APIError) in try await route.handler(exchange) })
    }

    private static let idempotencyKey = HTTPField.Name("Idempotency-Key")

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

    /// Who asks, counted and allowed to; nil on public routes. A request that is forbidden counts too.
    private func admit(_ request: Request, _ context: APIRequestContext, route: Route) async throws(APIError)
        -> Principal?
    {
        if let rule = route.addressLimit { try limits.admit(context.client, rule, report: context.limits) }
        if route.setsCookie { try CookieGuard.check(request) }
        guard route.access != .public else { return nil }
        guard route.access != .operator else { throw .routeNotFound }
        if case .optionalKey = route.access, Self.saysNothingOfWhoAsks(request) { return nil }
        let principal = try await identify(request, context)
        // A signed-in member is under the limit of the address alone.
        if let key = principal.key {
            try limits.admit(
                key.id, requestsPerMinute: Plan.of(key.tier).requestsPerMinute(of: key.prefix), report: context.limits)
            try await meter.count(key, trace: context.trace)
        }
        let needed: Permissions
        switch route.access {
        case .key(let permissions), .optionalKey(let permissions): needed = permissions
        case .public, .member, .operator:
            guard principal.memberID != nil else {
                throw APIError(.forbidden, "This is for signed-in members, not for API keys. Sign in first.")
            }
            return principal
        }
        guard principal.permissions.isSuperset(of: needed) else {
            throw .lacking(needed.subtracting(principal.permissions), principal.noun)
        }
        return principal
    }

    private static func saysNothingOfWhoAsks(_ request: Request) -> Bool {
        request.headers[.authorization] == nil && request.cookies[MemberAuthenticator.cookieName] == nil
    }

    /// A member by access token or cookie, else the holder of an API key. The `Authorization` header goes before the
    /// cookie, which needs to be kept from pages of other origins.
    private func identify(_ request: Request, _ context: APIRequestContext) async throws(APIError) -> Principal {
        guard let header = request.headers[.authorization] else {
            guard let token = request.cookies[MemberAuthenticator.cookieName]?.value else { throw .unauthorized }
            let principal = try await memberAuthenticator.authenticate(
                token, environment: try EnvironmentHeader.read(request))
            try CookieGuard.check(request)
            return principal
        }
        guard let token = BearerToken(header) else { throw .unauthorized }
        guard token.isAccessToken else {
            return try authenticator.authenticate(token, from: context.client, trace: context.trace)
        }
        return try await memberAuthenticator.authenticate(
            token.text, environment: try EnvironmentHeader.read(request))
    }

    private func body(of request: Request, route: Route) async throws(APIError) -> [UInt8] {
        // No route reads the body of a GET; one that is announced is still held to the rules.
        if route.method == .get, request.headers[.contentLength] == nil, request.headers[.transferEncoding] == nil {
            return []
        }
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: route.bodyBytesMax) } catch {
            throw APIError(.contentTooLarge, "The body is larger than \(route.bodyBytesMax) bytes.")
        }
        guard buffer.readableBytes > 0 else { return [] }
        if let type = request.headers[.contentType], !Self.isJSON(type) {
            throw APIError(.unsupportedMediaType, "Send the body as `Content-Type: application/json`.")
        }
        return Array(buffer.readableBytesView)
    }

    /// JSON by any of its names; clients that say nothing special (`curl -d`) are taken to mean JSON too.
    private static func isJSON(_ contentType: String) -> Bool {
        let type = contentType.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() } ?? ""
        return type == "application/json" || type.hasSuffix("+json") || type == "application/x-www-form-urlencoded"
    }
}

extension Route.Method {
    var httpMethod: HTTPRequest.Method {
        switch self {
        case .get: .get
        case .post: .post
        case .put: .put
        case .patch: .patch
        case .delete: .delete
        }
    }
}
