import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

/// The Nexartis NANDA page's keys, line by line.
@Suite("The NANDA page: keys", .serialized, .timeLimit(.minutes(10)))
struct NandaKeyTests {
    private static let keys = "/api/developers/keys"

    private func make(
        _ server: TestServer, _ credential: String, _ body: JSONValue = ["name": "my-key"]
    ) async throws -> (id: String, key: String) {
        let answer = try await server.send(.post, Self.keys, key: credential, body)
        try #require(answer.status == 201, "\(answer)")
        return (try #require(answer["key"]?["id"]?.string), try #require(answer["key"]?["raw_key"]?.string))
    }

    @Test("\"→ 201 {key: {id, raw_key: nanda_..., ...}}\", \"{name, tier: free}\": and the raw key never again")
    func generate() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let answer = try await server.send(
                .post, Self.keys, key: owner, ["name": "my-key", "tier": "free"])
            #expect(answer.status == 201, "\(answer)")
            let key = try #require(answer["key"]?.object)
            let raw = try #require(key["raw_key"]?.string)
            #expect(raw.wholeMatch(of: /nanda_[0-9A-Za-z]{49}/) != nil, "\"Keys use the nanda_ prefix\"")
            #expect(key["name"] == "my-key")
            #expect(key["tier"] == "free")
            #expect(key["monthly_limit"] == 1_000)
            #expect(key["status"] == "active")
            let list = try await server.send(.get, Self.keys, key: owner)
            #expect(list.status == 200)
            #expect(list["keys"]?.array?.count == 1, "\"→ 200 {keys: [...]}\"")
            #expect(!list.text.contains(raw))
            #expect(list["keys"]?.array?[0]["raw_key"] == nil)
        }
    }

    @Test("keys are made with the sign-in cookie too, but not by a page of another origin")
    func withTheCookie() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let access = try await server.signIn().access
            let body = Array(#"{"name": "my-agent-key"}"#.utf8)
            let made = try await server.send(
                .post, Self.keys, headers: [("Cookie", "access_token=\(access)")], bytes: body)
            #expect(made.status == 201, "\(made)")
            let foreign = try await server.send(
                .post, Self.keys,
                headers: [("Cookie", "access_token=\(access)"), ("Origin", "https://evil.example")], bytes: body)
            #expect(foreign.status == 403)
            #expect(foreign.names == ["error", "message"])
            #expect(foreign["error"] == "Forbidden")
        }
    }

    @Test("\"→ 200 {message: API key revoked successfully, ...}\", \"Revoked keys cannot be un-revoked\"")
    func revoke() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let (id, key) = try await make(server, owner)
            let revoked = try await server.send(.delete, "\(Self.keys)/\(id)", key: owner)
            #expect(revoked.status == 200)
            #expect(revoked["message"] == "API key revoked successfully")
            #expect(revoked["key"]?["status"] == "revoked")
            let refused = try await server.send(
                .post, "/register", key: key, ["agent_id": "a", "agent_url": "https://a.example"])
            #expect(refused.status == 401)
            #expect(refused["error"] == "Unauthorized")
            #expect(try await server.send(.delete, "\(Self.keys)/\(id)", key: owner).status == 409)
            #expect(
                try await server.send(
                    .delete, "\(Self.keys)/key_00000000000000000000000000000000", key: owner
                ).status == 404)
        }
    }

    @Test("\"Expired keys are automatically rejected\"")
    func expiry() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let (_, key) = try await make(server, owner, ["name": "short", "expires_at": "2026-03-01T15:00:00Z"])
            #expect(try await server.send(.get, Self.keys, key: key).status == 200)
            server.clock.advance(seconds: 3_600)
            #expect(try await server.send(.get, Self.keys, key: key).status == 401)
        }
    }

    @Test(
        "\"Max Active Keys: Free 5, Pro 25, Enterprise unlimited\"",
        arguments: [("free", 5), ("starter", 25), ("business", 25), ("enterprise", 40)])
    func caps(plan: String, most: Int) async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner(plan: plan)
            var id = ""
            for _ in 0..<most { id = try await make(server, owner).id }
            let refused = try await server.send(.post, Self.keys, key: owner, ["name": "one more"])
            guard plan != "enterprise" else {
                #expect(refused.status == 201)
                return
            }
            #expect(refused.status == 409, "\(refused)")
            #expect(refused["message"]?.string?.contains("\(most)") == true)
            _ = try await server.send(.delete, "\(Self.keys)/\(id)", key: owner)
            _ = try await make(server, owner)
        }
    }

    @Test(
        "\"Requests/Month: 1,000 / 10,000 / 100,000\": what each plan's keys show",
        arguments: [
            ("free", "free", 1_000), ("starter", "pro", 10_000), ("business", "pro", 10_000),
            ("enterprise", "enterprise", 100_000),
        ] as [(String, String, JSONValue)])
    func numbers(plan: String, name: String, limit: JSONValue) async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner(plan: plan)
            _ = try await make(server, owner)
            let shown = try await server.send(.get, Self.keys, key: owner)["keys"]?.array?[0]
            #expect(shown?["tier"]?.string == name)
            #expect(shown?["monthly_limit"] == limit)
            // A tier up to the plan's own, never above it.
            for (asked, monthly) in [("free", 1_000), ("pro", 10_000), ("enterprise", 100_000)] {
                let answer = try await server.send(
                    .post, Self.keys, key: owner, ["name": "asked", "tier": .string(asked)])
                guard case .integer(let most) = limit, monthly <= most else {
                    #expect(answer.status == 403, "\(asked): \(answer)")
                    continue
                }
                #expect(answer.status == 201, "\(asked): \(answer)")
                #expect(answer["key"]?["tier"]?.string == asked)
            }
            let unknown = try await server.send(.post, Self.keys, key: owner, ["name": "x", "tier": "gold"])
            #expect(unknown.status == 400)
            #expect(unknown["field"] == "tier")
        }
    }

    @Test("\"429 Too Many Requests\" for the 1,001st request of the month; \"counters reset on the 1st\"")
    func monthlyLimit() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let (_, key) = try await make(server, owner)
            for index in 1...1_000 {
                let answer = try await server.send(.get, Self.keys + "?limit=1", key: key)
                #expect(answer.status == 200, "\(index): \(answer)")
            }
            let refused = try await server.send(
                .post, "/register", key: key, ["agent_id": "a", "agent_url": "https://a.example"])
            #expect(refused.status == 429)
            #expect(refused["error"] == "Too Many Requests")
            #expect(refused.headers["retry-after"].flatMap(Int.init) == 30 * 86_400 + 10 * 3_600)
            #expect(try await server.send(.get, "/search").status == 200, "reads are open, to whoever")
            server.clock.advance(seconds: 30 * 86_400 + 10 * 3_600 - 1)
            #expect(try await server.send(.get, Self.keys, key: key).status == 429)
            server.clock.advance(seconds: 1)
            #expect(try await server.send(.get, Self.keys, key: key).status == 200)
        }
    }
}
