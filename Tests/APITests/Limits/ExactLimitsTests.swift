import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import ServerFixtures
import Testing

@testable import API

/// The plan's numbers under parallel bursts: never one over.
@Suite("Exact limits", .serialized, .timeLimit(.minutes(10)))
struct ExactLimitsTests {
    @Test(
        "200 parallel session creations on a plan with 3: exactly 3 succeed, the rest are 429 and leave nothing",
        .enabled(if: Isolation.isAvailable))
    func concurrentSessions() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<200 { group.addTask { try await server.send(.post, "/v1/sessions", key: key, [:]) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 3)
            for answer in answers where answer.status != 201 {
                #expect(answer.status == 429, "\(answer)")
                #expect(answer["error"] == "RateLimited")
                #expect(answer.headers["retry-after"] != nil)
            }
            #expect(server.server.sessions.count == 3)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["sessions_used"] == 3)
            let created = try await server.server.log.read(from: 0).count { $0.event.type == SessionCreated.type }
            #expect(created == 3)
        }
    }

    @Test(
        "on Free, 150 cycles of create and destroy, three at a time: exactly 100 sessions this month, then 402",
        .enabled(if: Isolation.isAvailable))
    func proofsPerMonth() async throws {
        try await TestServer.with(isolating: true, limited: true) { server in
            let key = try await server.signUp()
            let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        var statuses: [Int] = []
                        for _ in 0..<50 {
                            // The minute's limit is not what this is about.
                            server.clock.advance(seconds: 2)
                            let created = try await server.send(.post, "/v1/sessions", key: key, [:])
                            statuses.append(created.status)
                            guard let id = created["session_id"]?.string else { continue }
                            let ended = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
                            #expect(ended.status == 200, "\(ended)")
                        }
                        return statuses
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(statuses.count { $0 == 201 } == 100)
            #expect(statuses.count { $0 == 402 } == 50)
            let refused = try await server.send(.post, "/v1/sessions", key: key, [:])
            let expected: JSONValue = [
                "error": "QuotaExceeded", "message": "Free tier limit of 100 CDPs/month exceeded. Upgrade to continue.",
                "status": 402,
            ]
            #expect(refused.json == expected)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["cdps_this_cycle"] == 100)
        }
    }

    @Test(
        "the cycle starts on the 1st at midnight UTC, whatever the month and the year",
        arguments: [
            ("2026-03-01T14:00:00Z", "2026-03-01T00:00:00Z"), ("2026-03-31T23:59:59Z", "2026-03-01T00:00:00Z"),
            ("2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z"), ("2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z"),
            ("2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z"), ("2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), ("2100-02-28T23:59:59Z", "2100-02-01T00:00:00Z"),
            ("2100-03-01T00:00:00Z", "2100-03-01T00:00:00Z"),
        ])
    func billingCycleStart(now: String, start: String) async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let time = try #require(Timestamp(now))
            server.clock.advance(seconds: (time.microseconds - server.clock.now.microseconds) / 1_000_000)
            let answer = try await server.send(.get, "/v1/customers/me", key: key)
            #expect(answer["billing_cycle_start"] == .string(start))
        }
    }

    @Test(
        "a clock that is set back over the first of a month neither resets the month's count nor counts twice",
        .enabled(if: Isolation.isAvailable))
    func clockStepsBack() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            func prove() async throws {
                let id = try await server.createSession(key)
                let ended = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
                #expect(ended.status == 200, "\(ended)")
            }
            func expectAccount(_ start: String, _ proofs: Int64) async throws {
                let account = try await server.send(.get, "/v1/customers/me", key: key)
                #expect(account["billing_cycle_start"] == .string(start))
                #expect(account["cdps_this_cycle"] == .integer(proofs))
            }
            try await prove()
            try await expectAccount("2026-03-01T00:00:00Z", 1)
            server.clock.advance(seconds: 31 * 86_400)
            try await expectAccount("2026-04-01T00:00:00Z", 0)
            try await prove()
            // Back into March: April has begun, and what follows counts in April.
            server.clock.advance(seconds: -2 * 86_400)
            try await prove()
            try await expectAccount("2026-04-01T00:00:00Z", 2)
            server.clock.advance(seconds: 2 * 86_400)
            try await expectAccount("2026-04-01T00:00:00Z", 2)
            server.clock.advance(seconds: 30 * 86_400)
            try await expectAccount("2026-05-01T00:00:00Z", 0)
        }
    }
}
