import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

/// What pages in a browser may do (CORS), and what clients may ask to be answered with.
@Suite("Browsers and media types", .serialized, .timeLimit(.minutes(10)))
struct BrowserTests {
    private static let page = "https://page.example"
    private static let app = "https://app.example.com"

    /// What any page may use is said for a path as a whole: whoever writes facts there needs a key all the same.
    private static let publicPaths: Set = [
        "/v1/verify", "/v1/keys/:id", "/v1/health", "/.well-known/jwks.json", "/health", "/list", "/search",
        "/lookup/:id", "/agentfacts/:id", "/stats", "/reputation", "/openapi.json", "/api/v1/permissions",
        "/api/docs/errors", "/api/docs/errors/:code", "/api/info", "/pricing",
    ]

    @Test("any page may verify a proof, read keys, health and agents; no page may use the rest by default")
    func anyPage() async throws {
        try await TestServer.with { server in
            for route in server.server.routes {
                let path = route.path.replacing(/:[a-z_]+/, with: "x")
                let method = try #require(HTTPRequest.Method(rawValue: route.method.rawValue))
                let answer = try await server.send(method, path, headers: [("Origin", Self.page)])
                let isPublic = Self.publicPaths.contains(route.path) || route.path.hasPrefix("/v1/log/")
                #expect(answer.headers["access-control-allow-origin"] == (isPublic ? "*" : nil), "\(route.name)")
                #expect(answer.headers["access-control-allow-credentials"] == nil)
                let asked = try await server.send(
                    .options, path,
                    headers: [("Origin", Self.page), ("Access-Control-Request-Method", route.method.rawValue)])
                #expect(asked.status == (isPublic ? 204 : 405), "\(route.name)")
                #expect(asked.headers["access-control-allow-origin"] == (isPublic ? "*" : nil), "\(route.name)")
                if isPublic {
                    #expect(asked.headers["access-control-allow-methods"]?.contains(route.method.rawValue) == true)
                    #expect(asked.headers["access-control-allow-headers"]?.contains("Content-Type") == true)
                }
            }
        }
    }

    @Test("pages of a listed origin may use everything, and caches are told that it depends on the origin")
    func listedOrigin() async throws {
        try await TestServer.with(configure: { $0.allowedOrigins = [Self.app] }) { server in
            let key = try await server.signUp()
            let answer = try await server.send(.get, "/v1/customers/me", key: key, headers: [("Origin", Self.app)])
            #expect(answer.status == 200)
            #expect(answer.headers["access-control-allow-origin"] == Self.app)
            #expect(answer.headers["access-control-expose-headers"]?.contains("RateLimit") == true)
            #expect(answer.headers["vary"] == "Origin")
            let refused = try await server.send(.get, "/v1/customers/me", headers: [("Origin", Self.app)])
            #expect(refused.status == 401)
            #expect(refused.headers["access-control-allow-origin"] == Self.app, "a page must see why")
            let asked = try await server.send(
                .options, "/v1/sessions", headers: [("Origin", Self.app), ("Access-Control-Request-Method", "POST")])
            #expect(asked.status == 204)
            #expect(asked.headers["access-control-allow-headers"]?.contains("Authorization") == true)
            for origin in [Self.page, "null", Self.app + ".evil.example", Self.app.uppercased()] {
                let other = try await server.send(.get, "/v1/customers/me", key: key, headers: [("Origin", origin)])
                #expect(other.headers["access-control-allow-origin"] == nil, "\(origin)")
            }
        }
    }

    @Test("an Accept that no answer fits is a 406 that says what there is; exec can also answer with events")
    func notAcceptable() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let session = try await server.recordEndedSession(of: key)
            for accept in ["text/html", "application/json;q=0", "text/event-stream"] {
                let answer = try await server.send(.get, "/v1/customers/me", key: key, headers: [("Accept", accept)])
                #expect(answer.status == 406, "\(accept): \(answer)")
                #expect(answer["error"] == "NotAcceptable")
                #expect(answer["message"]?.string?.contains("application/json") == true)
            }
            for accept in ["*/*", "text/html, */*;q=0.1", "application/*"] {
                let answer = try await server.send(.get, "/v1/customers/me", key: key, headers: [("Accept", accept)])
                #expect(answer.status == 200, "\(accept): \(answer)")
            }
            for accept in ["text/event-stream", "application/json"] {
                let answer = try await server.send(
                    .post, "/v1/sessions/\(session)/exec", key: key, headers: [("Accept", accept)],
                    bytes: Array(#"{"command":"true"}"#.utf8))
                #expect(answer.status == 409, "\(accept): \(answer)")
            }
        }
    }

    @Test("a method that HTTP does not have is a 405 with Allow on a known path")
    func exoticMethods() async throws {
        try await TestServer.with { server in
            for method in ["PROPFIND", "CONNECT", "TRACE", "PURGE"] {
                let answer = try await server.send(try #require(HTTPRequest.Method(rawValue: method)), "/v1/sessions")
                #expect(answer.status == 405, "\(method): \(answer)")
                #expect(answer.headers["allow"]?.contains("POST") == true)
            }
        }
    }
}
