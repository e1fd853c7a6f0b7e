import CanonicalJSON
import HTTPTypes
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The API reference, line by line: every quoted line is one of the page.
@Suite("The API reference", .serialized, .timeLimit(.minutes(10)))
struct SeedPageTests {
    // MARK: - Accounts

    @Test("\"POST /v1/signup … Response (201)\": an id, a key shown once, the tier and the warning")
    func signUp() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(
                .post, "/v1/signup", ["email": "you@company.com", "jurisdiction": "EU"])
            #expect(answer.status == 201)
            #expect(answer.names == ["api_key", "customer_id", "message", "tier"])
            #expect(answer["customer_id"]?.string?.wholeMatch(of: /cust_[0-9a-f]{32}/) != nil)
            #expect(answer["api_key"]?.string?.wholeMatch(of: /nrx_live_[0-9A-Za-z]{49}/) != nil)
            #expect(answer["tier"] == "free")
            #expect(answer["message"] == "Save your API key — it cannot be retrieved later.")
            #expect(answer.headers["content-type"] == "application/json; charset=utf-8")
        }
    }

    @Test(
        "\"email: Valid email address\": anything else is a 400 that names the member",
        arguments: [
            "", "you", "you@", "@company.com", "you@company", "a b@company.com", "you@@company.com", "you@company..com",
            "you@-company.com", ".you@company.com", "you@company.com\r\nBcc: all@company.com", "you\u{0}@company.com",
            "\"you\"@company.com", "you..me@company.com", "you@company.com-", "you@com pany.com",
            "you\u{A0}me@company.com", "you@comp\u{2192}any.com", String(repeating: "a", count: 250) + "@company.com",
        ])
    func invalidEmail(email: String) async throws {
        try await TestServer.with { server in
            try await server.expectStillness {
                let answer = try await server.send(.post, "/v1/signup", ["email": .string(email)])
                #expect(answer.status == 400, "\(email): \(answer)")
                #expect(answer["error"] == "BadRequest")
                #expect(answer["status"] == 400)
                #expect(answer["field"] == "email")
            }
        }
    }

    @Test(
        "addresses of all languages are valid e-mail addresses",
        arguments: ["you+tag@sub.company.com", "a.b-c_d@1.company", "ада@пример.рф", "jürgen@müller.example"])
    func validEmail(email: String) async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.post, "/v1/signup", ["email": .string("  \(email) ")])
            #expect(answer.status == 201, "\(email): \(answer)")
            let key = try #require(answer["api_key"]?.string)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["email"] == .string(email))
        }
    }

    @Test("\"409 email already registered\": whatever its case and surrounding spaces")
    func emailTaken() async throws {
        try await TestServer.with { server in
            _ = try await server.signUp("You@Company.com")
            try await server.expectStillness {
                for email in ["You@Company.com", "you@company.com", " YOU@COMPANY.COM "] {
                    let answer = try await server.send(.post, "/v1/signup", ["email": .string(email)])
                    #expect(answer.status == 409, "\(answer)")
                    #expect(answer["error"] == "Conflict")
                }
            }
        }
    }

    @Test("\"jurisdiction: US (default), EU, UK, CA, AU, IN, OTHER\": these and no other")
    func jurisdictions() async throws {
        try await TestServer.with { server in
            for name in ["US", "EU", "UK", "CA", "AU", "IN", "OTHER"] {
                let answer = try await server.send(
                    .post, "/v1/signup", ["email": .string("\(name)@company.com"), "jurisdiction": .string(name)])
                let key = try #require(answer["api_key"]?.string)
                #expect(try await server.send(.get, "/v1/customers/me", key: key)["jurisdiction"] == .string(name))
            }
            let byDefault = try await server.signUp()
            #expect(try await server.send(.get, "/v1/customers/me", key: byDefault)["jurisdiction"] == "US")
            let unknown = try await server.send(
                .post, "/v1/signup", ["email": "x@company.com", "jurisdiction": "MARS"])
            #expect(unknown.status == 400)
            #expect(unknown["field"] == "jurisdiction")
        }
    }

    @Test("\"GET /v1/customers/me … Response (200)\": every member, with its type and this account's value")
    func account() async throws {
        try await TestServer.with { server in
            let signedUp = try await server.send(.post, "/v1/signup", ["email": "you@company.com"])
            let key = try #require(signedUp["api_key"]?.string)
            let answer = try await server.send(.get, "/v1/customers/me", key: key)
            #expect(answer.status == 200)
            let expected: JSONValue = [
                "customer_id": signedUp["customer_id"] ?? .null, "email": "you@company.com", "tier": "free",
                "jurisdiction": "US", "cdps_this_cycle": 0, "cdp_limit": 100, "sessions_used": 0, "sessions_limit": 3,
                "rate_limit_rpm": 60, "billing_cycle_start": "2026-03-01T00:00:00Z",
                "api_key_prefix": .string(String(key.prefix(13))),
            ]
            #expect(answer.json == expected)
        }
    }

    // MARK: - Health, keys, errors

    @Test(
        "\"GET /v1/health … Response (200)\": status, five engines, database, uptime and time",
        .enabled(if: Isolation.isAvailable))
    func health() async throws {
        try await TestServer.with(isolating: true, region: "eu") { server in
            server.clock.advance(seconds: 86_400)
            let answer = try await server.send(.get, "/v1/health")
            #expect(answer.status == 200, "\(answer)")
            #expect(answer["status"] == "healthy")
            #expect(answer["engines"] == ["eee": true, "dire": true, "rzl": true, "fgx": true, "ave": true])
            #expect(answer["database"] == true)
            #expect(answer["uptime_seconds"] == 86_400)
            #expect(answer["timestamp"] == "2026-03-02T14:00:00Z")
            #expect(answer["region"] == "eu")
        }
    }

    @Test(
        "\"All errors return a consistent JSON format\": error, message and status, also for a path that is not there")
    func errorFormat() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/v1/nothing/here")
            #expect(answer.status == 404)
            #expect(answer.names == ["error", "message", "status"])
            #expect(answer["error"] == "NotFound")
            #expect(answer["status"] == 404)
            #expect(answer.headers["content-type"] == "application/json; charset=utf-8")
        }
    }

    @Test("\"401 Unauthorized: Missing or invalid API key\"")
    func unauthorized() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/v1/customers/me")
            #expect(answer.status == 401)
            #expect(answer["error"] == "Unauthorized")
            #expect(answer.headers["www-authenticate"] == "Bearer")
        }
    }

    @Test("\"GET /v1/keys/:id … Public\": an unknown key is a 404 in the error format")
    func unknownVerificationKey() async throws {
        try await TestServer.with { server in
            for id in ["nrx-verify-20260301T143000Z-a8f3e71c", "x", "nrx-verify-", "%2e%2e", "nrx%00"] {
                let answer = try await server.send(.get, "/v1/keys/\(id)")
                #expect(answer.status == 404, "\(id): \(answer)")
                #expect(answer["error"] == "NotFound")
            }
        }
    }

    @Test("\"POST /v1/verify\": what is no CDP at all is a 400; nothing is stored")
    func verifyNonsense() async throws {
        try await TestServer.with { server in
            try await server.expectStillness {
                for body in [
                    "", "null", "[]", "{", "{}", "\"cdp\"", "{\"cdp_version\":\"1.0\",\"cdp_version\":\"1.0\"}",
                ] {
                    let answer = try await server.send(.post, "/v1/verify", bytes: Array(body.utf8))
                    #expect(answer.status == 400, "\(body): \(answer)")
                    #expect(answer["error"] == "BadRequest")
                }
            }
        }
    }

    @Test(
        "\"402 QuotaExceeded: Free tier limit of 100 CDPs/month exceeded. Upgrade to continue.\"",
        .enabled(if: Isolation.isAvailable))
    func quota() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            for _ in 0..<100 {
                let session = try await server.createSession(key)
                #expect(try await server.send(.delete, "/v1/sessions/\(session)", key: key).status == 200)
            }
            let before = try await Stillness(of: server)
            let answer = try await server.send(.post, "/v1/sessions", key: key, [:])
            #expect(answer.status == 402)
            let expected: JSONValue = [
                "error": "QuotaExceeded", "message": "Free tier limit of 100 CDPs/month exceeded. Upgrade to continue.",
                "status": 402,
            ]
            #expect(answer.json == expected)
            #expect(server.server.sessions.count == before.environments)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["cdps_this_cycle"] == 100)
            server.clock.advance(seconds: 31 * 86_400)
            _ = try await server.createSession(key)
        }
    }
}
