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
    let meter: RequestMeter
    let dialect: Dialect
    let logger: Logger

    func router(for routes: [Route]) -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: AnswerMiddleware(dialect: dialect, logger: logger))
        for route in routes {
            router.on(RouterPath(stringLiteral: route.path), method: route.method.httpMethod) { request, context in
                try await answer(request, context, route: route).response
            }
        }
        addMethodRefusals(to: router, routes: routes)
        return router
    }

    /// Methods that a known path does not have get 405 with `Allow`, not 404.
    private func addMethodRefusals(to router: Router<APIRequestContext>, routes: [Route]) {
        for (path, present) in Dictionary(grouping: routes, by: \.path) {
            let allowed = present.map(\.method.rawValue) + (present.contains { $0.method == .get } ? ["HEAD"] : [])
            let absent = Route.Method.allCases.filter { method in !present.contains { $0.method == method } }
            for method in absent.map(\.httpMethod) + [.options, .trace] {
                router.on(RouterPath(stringLiteral: path), method: method) { _, _ -> Response in
                    var error = APIError(
                        .methodNotAllowed,
                        "This path has no \(method.rawValue). Use \(allowed.joined(separator: ", ")).")
                    error.allowedMethods = allowed
                    throw error
                }
            }
        }
    }

    private func answer(_ request: Request, _ context: APIRequestContext, route: Route) async throws -> APIResponse {
        let principal = try await admit(request, context, route: route)
        let exchange = Exchange(
            parameters: Dictionary(
                context.parameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { first, _ in first }),
            query: Dictionary(
                request.uri.queryParameters.map { (String($0.key), String($0.value)) },
                uniquingKeysWith: { first, _ in first }),
            body: try await body(of: request, route: route), accept: request.headers[.accept], trace: context.trace,
            principal: principal)
        return try await route.handler(exchange)
    }

    /// Who asks, counted and allowed to; nil on public routes. A request that is forbidden counts too.
    private func admit(_ request: Request, _ context: APIRequestContext, route: Route) async throws(APIError)
        -> Principal?
    {
        guard case .key(let needed) = route.access else { return nil }
        let principal = try authenticator.authenticate(request.headers[.authorization])
        if let keyID = principal.keyID { try await meter.count(keyID, trace: context.trace) }
        guard principal.permissions.isSuperset(of: needed) else {
            let missing = needed.subtracting(principal.permissions).names.joined(separator: ", ")
            throw APIError(.forbidden, "This \(principal.noun) lacks the permission \(missing). Use a key that has it.")
        }
        return principal
    }

    private func body(of request: Request, route: Route) async throws(APIError) -> [UInt8] {
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
