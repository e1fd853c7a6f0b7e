import CanonicalJSON
import EventStore
import HTTPTypes
import HummingbirdTesting
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("Requests a minute", .serialized, .timeLimit(.minutes(10)))
struct RequestLimitsTests {
    @Test("\"Free 60\": the 61st request of a minute is a 429 that says when to come back, and then it is answered")
    func perKey() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            for left in (0..<60).reversed() {
                // Every authenticated request counts, whatever its status.
                let path = left.isMultiple(of: 2) ? "/v1/customers/me" : "/v1/sessions/none"
                let answer = try await server.send(.get, path, key: key)
                #expect(answer.status == (left.isMultiple(of: 2) ? 200 : 404))
                #expect(answer.headers["ratelimit-policy"] == "\"key\";q=60;w=60")
                #expect(answer.headers["ratelimit"] == "\"key\";r=\(left);t=60")
                #expect(answer.headers["retry-after"] == nil)
            }
            server.clock.advance(seconds: 43)
            try await server.expectStillness {
                let answer = try await server.send(.get, "/v1/customers/me", key: key)
                #expect(answer.status == 429, "\(answer)")
                #expect(answer["error"] == "RateLimited")
                #expect(answer["status"] == 429)
                #expect(answer["message"]?.string?.contains("60 requests a minute with this API key") == true)
                #expect(answer.headers["retry-after"] == "17")
                #expect(answer.headers["ratelimit"] == "\"key\";r=0;t=17")
            }
            server.clock.advance(seconds: 16)
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 429)
            server.clock.advance(seconds: 1)
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 200)
        }
    }

    @Test("two hundred requests at once: exactly sixty are answered; another key of the customer has its own minute")
    func parallel() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            let other = try await server.issueKey(key, ["name": "other"]).text
            server.clock.advance(seconds: 60)
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await server.send(.get, "/v1/customers/me", key: key).status == 200 ? 1 : 0 }
                }
                return try await group.reduce(0, +)
            }
            #expect(answered == 60)
            #expect(try await server.send(.get, "/v1/customers/me", key: other).status == 200)
        }
    }

    @Test("the prefix decides which numbers hold: nrx_, nxr_, nsx_, nt_ 60 a minute on Free, nanda_ none a minute")
    func prefixes() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            let customer = try await server.principal(key).customerID
            for prefix in KeyPrefix.allCases where prefix.environment == .live {
                let new = try NewAPIKey(prefix: prefix, name: "\(prefix)", permissions: .full)
                _ = try await server.server.ledger.perform(
                    .issueKey(IssueKey(customerID: customer, key: new.issued)), as: .operator, trace: "test")
                let answer = try await server.send(.get, "/v1/customers/me", key: new.text)
                #expect(answer.status == 200, "\(prefix): \(answer)")
                let limit = Plan.of(.free).requestsPerMinute(of: prefix)
                #expect(limit == (prefix == .nanda ? nil : 60))
                #expect(answer.headers["ratelimit-policy"] == limit.map { "\"key\";q=\($0);w=60" }, "\(prefix)")
            }
        }
    }

    @Test("a key that is not accepted has no limit of its own to use up")
    func unauthenticated() async throws {
        try await TestServer.with(limited: true) { server in
            for _ in 0..<70 {
                let answer = try await server.send(.get, "/v1/customers/me", key: "nrx_live_nonsense")
                #expect(answer.status == 401)
                #expect(answer.headers["ratelimit"] == nil)
            }
        }
    }

    @Test(
        "\"rate limited to 10 requests/min per IP\", \"60 requests/min per IP\", and a thousand of anything",
        arguments: [
            (HTTPRequest.Method.post, "/v1/signup", 10, "address-signup"),
            (.post, "/v1/verify", 60, "address-verify"), (.get, "/v1/nothing", 1_000, "address"),
        ])
    func perAddress(method: HTTPRequest.Method, path: String, limit: Int, policy: String) async throws {
        try await TestServer.with(
            limited: true, .live, configure: { $0.trustedProxies = ["127.0.0.0/8", "::1"] }
        ) { server in
            @Sendable func ask(_ address: String) async throws -> Answer {
                try await server.send(
                    method, path, headers: [("X-Forwarded-For", address)],
                    bytes: method == .post ? Array("{}".utf8) : nil)
            }
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<limit + 20 {
                    group.addTask { try await ask("203.0.113.7").status == 429 ? 0 : 1 }
                }
                return try await group.reduce(0, +)
            }
            #expect(answered == limit)
            let refused = try await ask("203.0.113.7")
            #expect(refused["error"] == "RateLimited")
            #expect(refused.headers["retry-after"] == "60")
            #expect(refused.headers["ratelimit-policy"]?.contains("\"\(policy)\";q=\(limit);w=60") == true)
            #expect(refused.headers["ratelimit"]?.contains("\"\(policy)\";r=0;t=60") == true)
            #expect(try await ask("203.0.113.8").status != 429)
            server.clock.advance(seconds: 60)
            #expect(try await ask("203.0.113.7").status != 429)
            // A /64 is one client.
            for _ in 0..<limit where limit == 10 { _ = try await ask("2001:db8:1:2::1") }
            if limit == 10 {
                #expect(try await ask("2001:db8:1:2:ffff::1").status == 429)
                #expect(try await ask("2001:db8:1:3::1").status != 429)
            }
        }
    }

    @Test("from nobody trusted, X-Forwarded-For changes nothing; --address-limits off limits no address")
    func headerOfAnyone() async throws {
        try await TestServer.with(limited: true, .live) { server in
            for number in 0..<11 {
                let answer = try await server.send(
                    .post, "/v1/signup", headers: [("X-Forwarded-For", "203.0.113.\(number)")], bytes: Array("{}".utf8))
                #expect(answer.status == (number < 10 ? 400 : 429))
            }
        }
        try await TestServer.with(limited: true, .live, configure: { $0.limitsAddresses = false }) { server in
            for _ in 0..<11 {
                let answer = try await server.send(.post, "/v1/signup", bytes: Array("{}".utf8))
                #expect(answer.status == 400)
                #expect(answer.headers["ratelimit"] == nil)
            }
        }
    }
}
