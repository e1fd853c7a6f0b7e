import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import ServerFixtures
import Testing

@testable import API

@Suite("Counting requests", .serialized, .timeLimit(.minutes(10)))
struct RequestMeterTests {
    /// Requests counted for the key in this cycle, reserved ones included.
    private func counted(_ key: String, _ server: TestServer) async throws -> Int64 {
        let id = try #require(try await server.principal(key).keyID)
        return server.server.ledger.read { state in
            state.key(id)?.requests(in: BillingCycle(holding: server.clock.now)) ?? 0
        }
    }

    @Test("a block of requests is reserved before the first is served, and the next when it is used up")
    func blocks() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            #expect(try await counted(key, server) == 0)
            for _ in 0..<100 { _ = try await server.send(.get, "/v1/customers/me", key: key) }
            #expect(try await counted(key, server) == 100)
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            #expect(try await counted(key, server) == 200)
        }
    }

    @Test(
        "a block is as large as what the key makes in half a second, from 100 to 10,000 requests",
        arguments: [(10_000_000, 100), (500_000, 100), (100_000, 500), (10_000, 5_000), (1_000, 10_000)])
    func pace(microseconds: Int64, requests: Int64) async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for _ in 0..<100 { _ = try await server.send(.get, "/v1/customers/me", key: key) }
            server.clock.advance(microseconds: microseconds)
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            #expect(try await counted(key, server) == 100 + requests)
        }
    }

    @Test("requests that are refused after the key was accepted count too; those without a valid key do not")
    func refusedRequests() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let weak = try await server.issueKey(key, ["name": "weak", "permissions": ["proofs:read"]]).text
            for _ in 0..<101 {
                #expect(try await server.send(.get, "/v1/customers/me", key: weak).status == 403)
            }
            #expect(try await counted(weak, server) == 200)
            for _ in 0..<101 { _ = try await server.send(.get, "/v1/customers/me", key: weak + "x") }
            #expect(try await counted(weak, server) == 200)
        }
    }

    @Test("three hundred requests at once reserve three blocks, none too many and none twice")
    func concurrently() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<300 {
                    group.addTask {
                        let answer = try await server.send(.get, "/v1/customers/me", key: key)
                        #expect(answer.status == 200)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await counted(key, server) == 300)
        }
    }

    @Test("a clean stop gives back what was reserved and not used")
    func rest() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for _ in 0..<30 { _ = try await server.send(.get, "/v1/customers/me", key: key) }
            try await server.server.meter.returnRest(trace: "test")
            #expect(try await counted(key, server) == 30)
        }
    }
}
