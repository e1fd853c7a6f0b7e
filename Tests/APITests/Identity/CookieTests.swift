import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("The sign-in cookie", .serialized, .timeLimit(.minutes(10)))
struct CookieTests {
    @Test(
        "a write with the cookie is refused when it comes from a page of another origin, or not as JSON",
        arguments: [
            ([:], 201), (["Origin": "https://localhost"], 201), (["Origin": "https://localhost:443"], 201),
            (["Sec-Fetch-Site": "same-origin"], 201), (["Sec-Fetch-Site": "none"], 201),
            (["Origin": "https://evil.example"], 403), (["Origin": "null"], 403),
            (["Origin": "https://localhost.evil.example"], 403), (["Origin": "https://localhost:8443"], 403),
            (["Origin": "chrome-extension://localhost"], 403), (["Sec-Fetch-Site": "cross-site"], 403),
            (["Sec-Fetch-Site": "same-site"], 403),
            (["Origin": "https://localhost", "Sec-Fetch-Site": "cross-site"], 403),
            (["Content-Type": "application/json; charset=utf-8"], 201), (["Content-Type": "text/plain"], 415),
            (["Content-Type": "application/x-www-form-urlencoded"], 415),
            (["Content-Type": "application/merge-patch+json"], 415),
        ] as [([String: String], Int)])
    func writes(headers: [String: String], status: Int) async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let token = try await server.signIn().access
            let fields = [("Cookie", "theme=dark; access_token=\(token)")] + headers.map { ($0.key, $0.value) }
            let body: JSONValue = ["name": "by cookie"]
            let answer = try await server.send(
                .post, "/v1/api-keys", headers: fields, bytes: body.canonicalBytes)
            #expect(answer.status == status, "\(answer)")
            let keys = try await server.send(.get, "/v1/api-keys", key: token)["data"]?.array?.count
            #expect(keys == (status == 201 ? 2 : 1), "a refused write changes nothing")
        }
    }

    @Test("reading is the browser's to guard; a page of another origin signs nobody in or out")
    func readsAndSignIns() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let token = try await server.signIn().access
            let foreign = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")]
            let cookie = [("Cookie", "access_token=\(token)")]
            #expect(try await server.send(.get, "/v1/auth/me", headers: cookie + foreign).status == 200)
            let body: JSONValue = ["email": "ada@company.com", "password": .string(TestServer.password)]
            let login = try await server.send(.post, "/v1/auth/login", headers: foreign, bytes: body.canonicalBytes)
            #expect(login.status == 403 && login.headers["set-cookie"] == nil)
            #expect(try await server.send(.post, "/v1/auth/logout", headers: cookie + foreign).status == 403)
            #expect(try await server.send(.get, "/v1/auth/me", headers: cookie).status == 200)
            #expect(try await server.send(.post, "/v1/auth/logout", headers: cookie).status == 200)
            #expect(try await server.send(.get, "/v1/auth/me", headers: cookie).status == 401)
        }
    }

    @Test("a header goes before the cookie, an API key in the cookie is none, a token in the query neither")
    func onlyTokens() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            let token = try await server.signIn().access
            let cookie = [("Cookie", "access_token=\(token)")]
            #expect(try await server.send(.get, "/v1/auth/me", key: "nonsense", headers: cookie).status == 401)
            #expect(try await server.send(.get, "/v1/auth/me", key: key, headers: cookie).status == 403)
            #expect(
                try await server.send(.get, "/v1/customers/me", headers: [("Cookie", "access_token=\(key)")]).status
                    == 401)
            #expect(try await server.send(.get, "/v1/customers/me?access_token=\(token)").status == 401)
        }
    }

    @Test("a write with a bearer token needs none of that: no browser sends it by itself")
    func bearer() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let token = try await server.signIn().access
            let answer = try await server.send(
                .post, "/v1/api-keys", key: token, headers: [("Origin", "https://other.example")],
                bytes: Array(#"{"name":"x"}"#.utf8))
            #expect(answer.status == 201)
        }
    }
}
