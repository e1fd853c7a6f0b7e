import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Merkle
import NIOCore
import Projections
import Proofs
import ServerFixtures
import Testing
import Vault

@testable import API

@Suite("Monthly limits of keys", .serialized, .timeLimit(.minutes(10)))
struct MonthlyLimitTests {
    private static let path = "/v1/api-keys"

    /// A key of a dialect without a limit per minute, so that only the month counts.
    private func issue(_ owner: String, _ server: TestServer, limit: Int64?) async throws -> (id: String, text: String)
    {
        try await server.issueKey(
            owner,
            [
                "name": "agent", "prefix": "nanda_", "permissions": ["keys:read"],
                "monthly_limit": limit.map { .integer($0) } ?? .null,
            ])
    }

    /// How many of so many requests at once get each status.
    private func burst(_ requests: Int, _ key: String, _ server: TestServer) async throws -> [Int: Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<requests { group.addTask { try await server.send(.get, Self.path, key: key).status } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    @Test("exactly as many requests succeed as the limit says, however many come at once", arguments: [1, 25, 250])
    func exactly(limit: Int) async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await issue(owner, server, limit: Int64(limit))
            #expect(try await burst(limit + 40, key.text, server) == [200: limit, 429: 40])
            #expect(try await burst(5, key.text, server) == [429: 5])
            try await server.settle()
            let shown = try await server.send(.get, Self.path + "/\(key.id)", key: owner)
            #expect(shown["requests_this_month"]?.integer == Int64(limit))
            #expect(shown["monthly_limit"]?.integer == Int64(limit))
            #expect(shown["last_refusal"]?["reason"] == "monthly_limit")
        }
    }

    @Test("the refusal is a 429 that says why and when the month ends")
    func refusal() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await issue(owner, server, limit: 1)
            _ = try await server.send(.get, Self.path, key: key.text)
            let answer = try await server.send(.get, Self.path, key: key.text)
            #expect(answer.status == 429 && answer["error"] == "RateLimited" && answer["reason"] == "monthly_limit")
            // From 2026-03-01T14:00:00Z to the 1st of April.
            #expect(answer.headers["retry-after"] == "\(30 * 86_400 + 10 * 3_600)")
        }
    }

    @Test("the 1st begins anew in its first moment, and what was left of March is not April's")
    func monthEnd() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            // Two requests are reserved at once: one of March's is left over.
            let key = try await issue(owner, server, limit: 200)
            #expect(try await burst(1, key.text, server) == [200: 1])
            server.clock.advance(seconds: 30 * 86_400 + 10 * 3_600 - 1)
            #expect(try await burst(240, key.text, server) == [200: 199, 429: 41])
            server.clock.advance(seconds: 1)
            #expect(try await burst(1, key.text, server) == [200: 1])
            let shown = try await server.send(.get, Self.path + "/\(key.id)", key: owner)
            #expect(shown["requests_this_month"] == 1)
            #expect(try await burst(240, key.text, server) == [200: 199, 429: 41])
            // A clock that is set back opens neither month again.
            server.clock.advance(seconds: -5)
            #expect(try await burst(3, key.text, server) == [429: 3])
            let customer = try await server.principal(owner).customerID
            let keyID = try #require(KeyID(key.id))
            #expect(
                server.server.ledger.read { $0.key(keyID)?.requests(in: $0.cycle) } == 200)
            let usage = try server.server.store.cycleUsage(of: customer, in: .live, from: "2026-03", through: "2026-03")
            let owners = try server.server.store.key(
                try #require(try await server.principal(owner).keyID), of: customer, in: .live)
            #expect(owners != nil && usage.first.map { $0.requests >= 200 } == true)
        }
    }

    @Test("a limit that is changed holds from the next request on, also within a block that was reserved before")
    func changedLimit() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await issue(owner, server, limit: nil)
            #expect(try await burst(3, key.text, server) == [200: 3])
            let path = Self.path + "/\(key.id)"
            let change = try await server.send(.patch, path, key: owner, ["monthly_limit": 5])
            #expect(change["monthly_limit"] == 5 && change["requests_this_month"] == 3, "\(change)")
            #expect(try await burst(10, key.text, server) == [200: 2, 429: 8])
            _ = try await server.send(.patch, path, key: owner, ["monthly_limit": 6])
            #expect(try await burst(10, key.text, server) == [200: 1, 429: 9])
            _ = try await server.send(.patch, path, key: owner, ["monthly_limit": 2])
            #expect(try await burst(10, key.text, server) == [429: 10])
            let free = try await server.send(.patch, path, key: owner, ["monthly_limit": .null])
            #expect(free["monthly_limit"] == 1_000, "the plan's own")
            #expect(try await burst(10, key.text, server) == [200: 10])
        }
    }

    @Test("last_used_at is at most a day behind, and never used is null")
    func lastUsed() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await issue(owner, server, limit: nil)
            func lastUsed() async throws -> JSONValue? {
                try await server.settle()
                return try await server.send(.get, Self.path + "/\(key.id)", key: owner)["last_used_at"]
            }
            #expect(try await lastUsed() == .null)
            _ = try await burst(1, key.text, server)
            #expect(try await lastUsed() == "2026-03-01T14:00:00Z")
            server.clock.advance(seconds: 86_400)
            _ = try await burst(1, key.text, server)
            #expect(try await lastUsed() == "2026-03-02T14:00:00Z")
        }
    }
}

/// Limits over stops and crashes: the same directory opened again and again.
@Suite("Monthly limits over restarts", .serialized, .timeLimit(.minutes(10)))
struct MonthlyLimitRestartTests {
    private static let limit: Int64 = 300

    private func open(_ directory: TemporaryDirectory, _ clock: TestClock) async throws -> Server {
        var configuration = ServerConfiguration()
        configuration.dataDirectory = directory.path
        configuration.segmentBytes = 1 << 20
        configuration.warmPoolSize = 0
        configuration.initPath = directory.path + "/no-init"
        return try await Server.start(
            configuration: configuration, surroundings: Surroundings(now: { clock.now }), logger: TestServer.quiet)
    }

    /// A customer with a key that has the limit.
    private func issue(_ server: Server) async throws -> KeyID {
        var generator = SystemRandomNumberGenerator()
        let customer = CustomerID(using: &generator)
        var key = try NewAPIKey(prefix: .nexora, name: "agent", permissions: .full).issued
        key.monthlyLimit = Self.limit
        let signUp = SignUp(
            customerID: customer, eventID: EventID(using: &generator), sealedEmail: "c2VhbGVk", key: key)
        _ = try await server.ledger.perform(.signUp(signUp), as: .system, trace: "test")
        return key.id
    }

    /// How many of so many requests are counted, some at once.
    private func requests(_ number: Int, _ id: KeyID, _ server: Server) async throws -> Int64 {
        let entry = try #require(server.store.keys.find(id))
        return await withTaskGroup(of: Int64.self) { group in
            for _ in 0..<number {
                group.addTask {
                    do throws(APIError) {
                        try await server.meter.count(entry, trace: "test")
                        return 1
                    } catch { return 0 }
                }
            }
            return await group.reduce(0, +)
        }
    }

    @Test("over clean stops exactly the limit, and what is shown after each start is what was made")
    func cleanStops() async throws {
        let (directory, clock) = (try TemporaryDirectory(), TestClock())
        var server = try await open(directory, clock)
        let id = try await issue(server)
        var made: Int64 = 0
        for _ in 0..<8 {
            made += try await requests(50, id, server)
            try await server.stop()
            server = try await open(directory, clock)
            #expect(server.ledger.read { $0.key(id)?.requests(in: $0.cycle) } == made)
            #expect(server.ledger.read { copy $0 } == replayed(try await lines(server)))
        }
        #expect(made == Self.limit)
        clock.advance(seconds: 31 * 86_400)
        #expect(try await requests(400, id, server) == Self.limit)
        try await server.stop()
    }

    @Test("over crashes never more than the limit, and at most a hundredth of it is lost by each")
    func crashes() async throws {
        let (directory, clock) = (try TemporaryDirectory(), TestClock())
        var server = try await open(directory, clock)
        let id = try await issue(server)
        var made: Int64 = 0
        let crashes = 6
        for _ in 0..<crashes {
            made += try await requests(41, id, server)
            // What a crash leaves: the log without the returned rest.
            try await server.log.close()
            await server.ledger.projections.ended()
            try server.store.close()
            try await server.vault.close()
            server = try await open(directory, clock)
        }
        made += try await requests(400, id, server)
        #expect(made <= Self.limit && made >= Self.limit - Int64(crashes) * Self.limit / 100, "\(made)")
        try await server.stop()
    }

    private func lines(_ server: Server) async throws -> [Envelope] {
        let log = server.log
        return try await SerialWorker(name: "nrx.test").run { () throws in
            var all: [Envelope] = []
            let subscription = log.subscribe(from: 0)
            while UInt64(all.count) < log.head.size, let events = try subscription.nextBlocking() { all += events }
            return all
        }
    }

    /// The state folded from the log anew.
    private func replayed(_ events: [Envelope]) -> State? {
        var state = State()
        for event in events { do { try state.apply(event) } catch { return nil } }
        return state
    }
}
