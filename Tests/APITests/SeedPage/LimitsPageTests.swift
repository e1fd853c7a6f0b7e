import CanonicalJSON
import HTTPTypes
import HummingbirdTesting
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The API reference's tables of limits and of errors, row by row.
@Suite("The API reference: limits and errors", .serialized, .timeLimit(.minutes(10)))
struct LimitsPageTests {
    @Test(
        "\"| Tier | Requests/min | Concurrent Sessions | Max TTL |\"",
        arguments: [
            (Tier.free, 60, 3, 300), (.starter, 120, 20, 600), (.business, 300, 100, 1_800),
            (.enterprise, nil, nil, nil),
        ] as [(Tier, Int?, Int?, Int64?)])
    func tiers(tier: Tier, requests: Int?, sessions: Int?, timeToLive: Int64?) {
        let plan = Plan.of(tier)
        for prefix in [KeyPrefix.nanorixLive, .nanorixTest] { #expect(plan.requestsPerMinute(of: prefix) == requests) }
        #expect(plan.concurrentSessions == sessions)
        #expect(plan.timeToLiveSecondsMax == timeToLive)
    }

    @Test("\"402 quota exceeded (free tier: 100 CDPs/month)\": no other tier has such a limit")
    func proofs() {
        #expect(Tier.allCases.map { Plan.of($0).proofsPerMonth } == [100, nil, nil, nil])
    }

    @Test("\"Authentication uses Bearer tokens in the Authorization header\": nothing else opens a route")
    func bearer() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for (name, value) in [("X-API-Key", key), ("Cookie", "api_key=\(key)"), ("Authorization", "Token \(key)")] {
                let answer = try await server.send(.get, "/v1/customers/me", headers: [(name, value)])
                #expect(answer.status == 401, "\(name)")
            }
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 200)
        }
    }

    @Test("\"429 RateLimited: Too many requests — retry after the indicated period\", on sign-up after ten in a minute")
    func rateLimited() async throws {
        try await TestServer.with(limited: true, .live) { server in
            for number in 0..<10 { _ = try await server.signUp("you\(number)@company.com") }
            let answer = try await server.send(.post, "/v1/signup", ["email": "you10@company.com"])
            #expect(answer.status == 429)
            #expect(answer.names == ["error", "message", "status"])
            #expect(answer["error"] == "RateLimited")
            let seconds = try #require(answer.headers["retry-after"].flatMap { Int64($0) })
            server.clock.advance(seconds: seconds)
            _ = try await server.signUp("you10@company.com")
        }
    }

    @Test(
        "\"Common Error Codes\": each has its status and its name",
        arguments: [
            (400, "BadRequest"), (401, "Unauthorized"), (402, "QuotaExceeded"), (404, "NotFound"), (409, "Conflict"),
            (429, "RateLimited"), (500, "InternalError"),
        ])
    func errors(status: Int, name: String) throws {
        let code = try #require(APIError.Code(rawValue: name))
        let answer = Dialect.native.answer(to: APIError(code, "What to do."))
        #expect(answer.status == status)
        let body = try JSONReader.read(answer.body)
        let expected: JSONValue = ["error": .string(name), "message": "What to do.", "status": .integer(Int64(status))]
        #expect(body == expected)
    }
}
