import CanonicalJSON

/// `/openapi.json` and `/docs`: made once, from the routes that this server has.
struct DocumentRoutes: Sendable {
    /// Both are made when they are first known to be complete: the table holds these two routes as well.
    private let document: @Sendable () -> Rendered

    /// What is served.
    struct Rendered: Sendable {
        let json: [UInt8]
        let page: [UInt8]

        init(_ document: APIDocument) {
            json = document.json.canonicalBytes
            page = Array(DocumentPage(document).html.utf8)
        }
    }

    /// - Parameter others: every other route of the server.
    static func completing(_ others: [Route]) -> [Route] {
        // The two describe themselves: their declarations do not depend on what they answer.
        let own = DocumentRoutes { Rendered(APIDocument(routes: [])) }.routes
        let rendered = Rendered(APIDocument(routes: others + own))
        return others + DocumentRoutes { rendered }.routes
    }

    private var routes: [Route] {
        [
            Route(.get, "/openapi.json", .public, isForAnyOrigin: true) { _ in
                var response = APIResponse(status: 200, body: document().json)
                response.contentType = "application/json"
                response.headers = [("Cache-Control", "no-cache")]
                return response
            },
            Route(.get, "/docs", .public, produces: ["text/html"]) { _ in
                var response = APIResponse(status: 200, body: document().page)
                response.contentType = "text/html; charset=utf-8"
                response.headers = [
                    ("Cache-Control", "no-cache"), ("Content-Security-Policy", DocumentPage.contentSecurityPolicy),
                    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                ]
                return response
            },
        ]
    }
}
