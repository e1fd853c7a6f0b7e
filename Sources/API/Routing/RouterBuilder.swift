import HTTPTypes
import Hummingbird
import Ledger

/// Turns the route table into Hummingbird's router: admission, body limits and errors are handled here once, so that no
/// route can forget them.
struct RouterBuilder: Sendable {
    let answering: RouteAnswering
    let projections: ProjectionFollower
    let frame: RequestFrame

    func router(for routes: [Route]) -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: AnswerMiddleware(frame: frame, paths: paths(of: routes)))
        for route in routes {
            router.on(RouterPath(stringLiteral: route.path), method: route.method.httpMethod) {
                [answering, projections] request, context in
                if route.readsProjections { try await projections.caughtUpWithAnswers() }
                let step = try answering.admission.begin(request, context.facts, route: route)
                return try await answering.answer(request, context, step, route: route).response
            }
        }
        addMethodRefusals(to: router, routes: routes)
        return router
    }

    /// What holds for each path, by its pattern as a request's context names it.
    private func paths(of routes: [Route]) -> [String: RequestFrame.KnownPath] {
        Dictionary(grouping: routes, by: { RouterPath(stringLiteral: $0.path).description })
            .mapValues { present in
                RequestFrame.KnownPath(
                    present,
                    frame.metrics.requests.route(
                        present[0].path, methods: Set(present.map(\.method.httpMethod)).withHead))
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
                        let answer = frame.crossOrigin.preflight(request, methods: allowed, isPublic: isPublic)
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
