import CanonicalJSON
import EventStore
import HTTPTypes
import HummingbirdTesting
import ServerFixtures
import Testing

@testable import API

/// What HTTP itself asks of every route, over a real connection that the next request must still be able to use.
@Suite("HTTP", .serialized, .timeLimit(.minutes(10)))
struct HTTPTests {
    @Test("X-Request-Id: the client's comes back, without one the server's own, and a bad one is not repeated")
    func requestID() async throws {
        try await TestServer.with(.live) { server in
            let own = try await server.send(.get, "/v1/nothing")
            #expect(own.headers["x-request-id"]?.wholeMatch(of: /req_[0-9a-f]{16}/) != nil)
            let given = try await server.send(
                .get, "/v1/customers/me", headers: [("X-Request-Id", "client-7/α".replacing("α", with: "a"))])
            #expect(given.headers["x-request-id"] == "client-7/a")
            for bad in ["two words", String(repeating: "a", count: 129), "tab\tbed"] {
                let answer = try await server.send(.get, "/v1/nothing", headers: [("X-Request-Id", bad)])
                #expect(answer.headers["x-request-id"]?.hasPrefix("req_") == true, "\(bad)")
            }
            // Events carry the server's own id, never the client's.
            _ = try await server.send(
                .post, "/v1/signup", headers: [("X-Request-Id", "client-8")], bytes: Array(#"{"email":"a@b.com"}"#.utf8)
            )
            let events = try await server.server.log.read(from: 0)
            let traces = events.map(\.event.trace)
            #expect(!traces.contains("client-8"))
            #expect(traces.last?.hasPrefix("req_") == true)
        }
    }

    @Test("a path with another method is a 405 that lists in Allow exactly the methods it has")
    func methodNotAllowed() async throws {
        try await TestServer.with(.live) { server in
            let key = try await server.signUp()
            let paths = Dictionary(grouping: server.server.routes, by: \.path)
            for (path, routes) in paths {
                let present = Set(routes.map(\.method.rawValue))
                let allowed = present.contains("GET") ? present.union(["HEAD"]) : present
                for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
                where !allowed.contains(method) {
                    let answer = try await server.send(
                        try #require(HTTPRequest.Method(rawValue: method)),
                        path.replacing(":id", with: "x").replacing(":session_id", with: "x"), key: key)
                    #expect(answer.status == 405, "\(method) \(path): \(answer)")
                    let listed = answer.headers["allow"]?.split(separator: ", ").map(String.init)
                    #expect(Set(listed ?? []) == allowed, "\(method) \(path)")
                    #expect(answer.body.isEmpty == (method == "HEAD"), "\(method) \(path)")
                    guard method != "HEAD" else { continue }
                    switch Dialect.speaking(at: path).name {
                    case "nanda": #expect(answer.names == ["error", "message"], "\(method) \(path)")
                    case "nexora": #expect(answer.names == ["detail"], "\(method) \(path)")
                    case "nanoterm": #expect(answer.names == ["error"], "\(method) \(path)")
                    case "nurosentrix": #expect(Set(answer.names) == ["error", "success"], "\(method) \(path)")
                    default: BadInputTests.expectErrorFormat(answer, "\(method) \(path)")
                    }
                }
            }
        }
    }

    @Test("HEAD answers as GET does, without the body, and the connection goes on")
    func head() async throws {
        try await TestServer.with(.live) { server in
            let key = try await server.signUp()
            let cases: [(path: String, key: String?)] = [
                ("/v1/customers/me", key), ("/v1/customers/me", nil), ("/v1/sessions/x", key), ("/v1/nothing", nil),
                ("/v1/health", nil), ("/v1/keys/x", nil),
            ]
            for (path, key) in cases {
                let head = try await server.send(.head, path, key: key)
                #expect(head.body.isEmpty, "\(path)")
                let get = try await server.send(.get, path, key: key)
                #expect(!get.body.isEmpty)
                #expect(head.status == get.status, "\(path)")
                #expect(head.headers["content-type"] == get.headers["content-type"], "\(path)")
                #expect(head.headers["content-length"] == get.headers["content-length"], "\(path)")
            }
        }
    }

    @Test(
        "paths that almost exist are a 404 in the error format",
        arguments: [
            "/", "/v1", "/v2/health", "/v1/sessions/x/exec/y", "//v1//nothing", "/v1/../v1/nothing", "/v1/Health",
            "/%zz", "/v1/%",
        ])
    func notFound(path: String) async throws {
        try await TestServer.with(.live) { server in
            let answer = try await server.send(.get, path)
            #expect(answer.status == 404, "\(answer)")
            BadInputTests.expectErrorFormat(answer, path)
        }
    }

    @Test("a body that is too large or of the wrong type is refused and the connection goes on")
    func refusedBodies() async throws {
        try await TestServer.with(.live) { server in
            let key = try await server.signUp()
            let large = try await server.send(
                .post, "/v1/signup", bytes: [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20))
            #expect(large.status == 413)
            BadInputTests.expectErrorFormat(large, "large")
            let text = try await server.send(
                .post, "/v1/signup", headers: [("Content-Type", "text/plain")], bytes: Array("hello".utf8))
            #expect(text.status == 415)
            BadInputTests.expectErrorFormat(text, "text")
            // Without a key nothing of a body is looked at.
            let unknown = try await server.send(
                .post, "/v1/sessions", bytes: [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20))
            #expect(unknown.status == 401)
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 200)
        }
    }

    @Test(
        "JSON is JSON under each of its names, and curl's -d without a header too",
        arguments: [
            "application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json",
            "application/x-www-form-urlencoded",
        ])
    func jsonTypes(type: String) async throws {
        try await TestServer.with { server in
            let answer = try await server.send(
                .post, "/v1/signup", headers: [("Content-Type", type)], bytes: Array(#"{"email":"a@b.com"}"#.utf8))
            #expect(answer.status == 201, "\(answer)")
        }
    }

    @Test("the scheme of the Authorization header is known in any case, as RFC 9110 has it")
    func schemeCase() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for scheme in ["Bearer", "bearer", "BEARER"] {
                let answer = try await server.send(
                    .get, "/v1/customers/me", headers: [("Authorization", "\(scheme) \(key)")])
                #expect(answer.status == 200)
            }
        }
    }

    @Test("members that nobody knows are ignored")
    func unknownMembers() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(
                .post, "/v1/signup", ["email": "a@b.com", "plan": "enterprise", "tier": "enterprise"])
            #expect(answer.status == 201)
            #expect(answer["tier"] == "free")
        }
    }
}
