import CanonicalJSON
import HTTPTypes
import HummingbirdTesting
import ServerFixtures
import Testing

@testable import API

/// The Nexora page, line by line.
@Suite("The Nexora page", .serialized, .timeLimit(.minutes(10)))
struct NexoraTests {
    private static let keys = "/api/users/me/api-keys"

    @Test("\"Create key … Response\": id (a UUID), name, key shown once, created_at, last_used_at null")
    func create() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let answer = try await server.send(.post, Self.keys, key: owner, ["name": "CI pipeline"])
            #expect(answer.status == 201, "\(answer)")
            #expect(
                answer.names == [
                    "created_at", "expires_at", "id", "key", "last_used_at", "name", "prefix", "scopes",
                ])
            let uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/
            #expect(answer["id"]?.string?.wholeMatch(of: uuid) != nil)
            #expect(answer["name"] == "CI pipeline")
            let key = try #require(answer["key"]?.string)
            #expect(key.wholeMatch(of: /nxr_[0-9A-Za-z]{49}/) != nil)
            #expect(answer["created_at"] == "2026-03-01T14:00:00Z")
            #expect(answer["last_used_at"] == .null)
            #expect(answer["scopes"] == .null)
            #expect(answer["prefix"]?.string?.count == 12)
            #expect(answer["prefix"]?.string.map { key.hasPrefix($0) } == true)
            let list = try await server.send(.get, Self.keys, key: key)
            #expect(list.status == 200)
            #expect(list.json.array?.count == 1)
            #expect(!list.text.contains(key), "\"The full key value is only shown once at creation\"")
            #expect(list.json.array?[0]["last_used_at"] != .null, "it has just been used")
        }
    }

    @Test("\"Rotate key … Returns a new key value. The old key is immediately invalidated.\": the id stays")
    func rotate() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let made = try await server.send(.post, Self.keys, key: owner, ["name": "CI"])
            let (id, old) = (try #require(made["id"]?.string), try #require(made["key"]?.string))
            let rotated = try await server.send(.post, "\(Self.keys)/\(id)/rotate", key: owner)
            #expect(rotated.status == 200, "\(rotated)")
            #expect(rotated["id"]?.string == id)
            let new = try #require(rotated["key"]?.string)
            #expect(new != old)
            let refused = try await server.send(.get, "/api/agents", key: old)
            #expect(refused.status == 401)
            #expect(refused.names == ["detail"])
            #expect(try await server.send(.get, "/api/agents", key: new).status == 200)
        }
    }

    @Test("\"Revoke key: DELETE\": 204 without a body, then the key is 401, gone from the list, and 404 or 409")
    func revoke() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let made = try await server.send(.post, Self.keys, key: owner, ["name": "CI"])
            let (id, key) = (try #require(made["id"]?.string), try #require(made["key"]?.string))
            let revoked = try await server.send(.delete, "\(Self.keys)/\(id)", key: owner)
            #expect(revoked.status == 204, "\(revoked)")
            #expect(revoked.body.isEmpty)
            #expect(try await server.send(.get, "/api/agents", key: key).status == 401)
            #expect(try await server.send(.get, Self.keys, key: owner).json == [])
            let again = try await server.send(.delete, "\(Self.keys)/\(id)", key: owner)
            #expect(again.status == 409)
            let stranger = try await server.signUp("other@company.com")
            #expect(try await server.send(.delete, "\(Self.keys)/\(id)", key: stranger).status == 404)
            #expect(try await server.send(.delete, "\(Self.keys)/no-uuid", key: owner).status == 404)
        }
    }

    @Test("at most 20 keys: the 21st is a 400, a revoked one makes room")
    func cap() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner()
            var id = ""
            for index in 1...20 {
                let made = try await server.send(.post, Self.keys, key: owner, ["name": .string("k\(index)")])
                #expect(made.status == 201, "\(index): \(made)")
                id = made["id"]?.string ?? ""
            }
            let refused = try await server.send(.post, Self.keys, key: owner, ["name": "one more"])
            #expect(refused.status == 400, "\(refused)")
            #expect(refused["detail"]?.string?.contains("20") == true)
            _ = try await server.send(.delete, "\(Self.keys)/\(id)", key: owner)
            #expect(try await server.send(.post, Self.keys, key: owner, ["name": "one more"]).status == 201)
        }
    }

    @Test("scopes: a list is what the key may do, null is all; an unknown one is a 422 that says where")
    func scopes() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let made = try await server.send(
                .post, Self.keys, key: owner, ["name": "reader", "scopes": ["keys:read"]])
            #expect(made["scopes"] == ["keys:read"])
            let key = try #require(made["key"]?.string)
            let forbidden = try await server.send(.get, "/api/agents", key: key)
            #expect(forbidden.status == 403, "\"403 Insufficient permissions\"")
            #expect(forbidden["detail"]?.string?.contains("agents:read") == true)
            let unknown = try await server.send(.post, Self.keys, key: owner, ["name": "x", "scopes": ["root"]])
            #expect(unknown.status == 422)
            #expect(unknown["detail"]?.array?[0]["loc"] == ["body", "scopes"])
        }
    }

    @Test(
        "\"422 Validation error (check detail array)\": loc, msg and type",
        arguments: [
            ("{}", ["body", "name"]), (#"{"name":1}"#, ["body", "name"]), (#"{"name":""}"#, ["body", "name"]),
            (#"{"name":"x","scopes":[1]}"#, ["body", "scopes", 0]), ("{", ["body"]), ("[]", ["body"]),
            (#"{"name":"x","expires_at":"soon"}"#, ["body", "expires_at"]),
        ] as [(String, JSONValue)])
    func validation(body: String, location: JSONValue) async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let answer = try await server.send(.post, Self.keys, key: owner, bytes: Array(body.utf8))
            #expect(answer.status == 422, "\(answer)")
            let detail = try #require(answer["detail"]?.array?.first?.object)
            #expect(detail.names == ["loc", "msg", "type"])
            #expect(detail["loc"] == location, "\(answer)")
            #expect(detail["msg"]?.string?.isEmpty == false)
            let query = try await server.send(.get, Self.keys + "?limit=0", key: owner)
            #expect(query["detail"]?.array?[0]["loc"] == ["query", "limit"], "\(query)")
        }
    }

    @Test("\"Error statuses: 401, 403, 404\": always {\"detail\"} with text")
    func errors() async throws {
        try await TestServer.with { server in
            for token in [nil, "nxr_wrong", "a.b.c"] as [String?] {
                let answer = try await server.send(.get, "/api/agents", key: token)
                #expect(answer.status == 401)
                #expect(answer.names == ["detail"])
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            let missing = try await server.send(.get, "/api/users/me/nothing")
            #expect(missing.status == 404)
            #expect(missing["detail"]?.string?.isEmpty == false)
        }
    }

    @Test("\"POST /api/auth/login\": access_token, refresh_token, bearer; the token works; refresh gives new ones")
    func login() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner("user@example.com")
            let answer = try await server.send(
                .post, "/api/auth/login",
                ["email": "user@example.com", "password": .string(TestServer.password)])
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.names == ["access_token", "expires_in", "refresh_token", "token_type"])
            #expect(answer["token_type"] == "bearer")
            #expect(answer["expires_in"] == 900, "15 minutes")
            #expect(answer.headers["set-cookie"] == nil)
            let access = try #require(answer["access_token"]?.string)
            #expect(access.hasPrefix("eyJ"), "\"token=eyJ...\"")
            #expect(try await server.send(.get, "/api/agents", key: access).status == 200)
            let refreshed = try await server.send(
                .post, "/api/auth/refresh", ["refresh_token": answer["refresh_token"] ?? .null])
            #expect(refreshed.status == 200, "\(refreshed)")
            #expect(refreshed["access_token"] != answer["access_token"])
            for body: JSONValue in [
                ["email": "user@example.com", "password": "wrong"],
                ["email": "nobody@example.com", "password": .string(TestServer.password)],
            ] {
                let refused = try await server.send(.post, "/api/auth/login", body)
                #expect(refused.status == 401)
                #expect(refused.names == ["detail"])
            }
        }
    }

    @Test("sign-in: five attempts a minute from one address, here as in every dialect together")
    func signInLimit() async throws {
        try await TestServer.with(limited: true, .live) { server in
            for index in 1...6 {
                let path = index.isMultiple(of: 2) ? "/api/auth/login" : "/v1/auth/login"
                let answer = try await server.send(
                    .post, path, ["email": "nobody@example.com", "password": "wrong wrong"])
                #expect(answer.status == (index <= 5 ? 401 : 429), "\(index): \(answer)")
            }
        }
    }

    @Test("\"GET /api/agents\": the caller's own agents, an array, newest first, a further page in Link")
    func agents() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            let stranger = try await server.signUp("other@company.com")
            for (owner, name) in [(key, "one"), (stranger, "theirs"), (key, "two"), (key, "three")] {
                let answer = try await server.send(
                    .post, "/register", key: owner,
                    ["agent_id": .string(name), "agent_url": "https://a.example"])
                #expect(answer.status == 200, "\(answer)")
            }
            let page = try await server.send(.get, "/api/agents?limit=2", key: key)
            #expect(page.json.array?.map { $0["name"] ?? .null } == ["three", "two"])
            #expect(page.json.array?[0]["id"]?.string?.count == 36)
            let link = try #require(page.headers["link"])
            #expect(link == "</api/agents?limit=2&starting_after=two>; rel=\"next\"")
            let next = try await server.send(.get, "/api/agents?limit=2&starting_after=two", key: key)
            #expect(next.json.array?.map { $0["name"] ?? .null } == ["one"])
            #expect(next.headers["link"] == nil)
            let test = try await server.issueTestKey(of: key)
            #expect(try await server.send(.get, "/api/agents", key: test).json == [])
        }
    }

    @Test("\"?token=\" is for WebSockets: on a plain request it is ignored and never logged")
    func tokenInAQuery() async throws {
        let log = CollectedLog()
        try await TestServer.with(logger: log.logger) { server in
            let key = try await server.signUp()
            for path in ["/api/agents", "/api/ws/anything", "/api/ws/anything/more", "/nothing"] {
                let answer = try await server.send(.get, "\(path)?token=\(key)")
                #expect([401, 404, 426].contains(answer.status), "\(path): \(answer)")
                #expect(!answer.text.contains(key))
            }
            let upgrade = try await server.send(.get, "/api/ws/anything?token=\(key)")
            #expect(upgrade.status == 426)
            #expect(upgrade.headers["upgrade"] == "websocket")
            #expect(!log.text.contains(key))
            #expect(log.text.contains("/api/agents"), "the log is the one that would hold it")
        }
    }
}
