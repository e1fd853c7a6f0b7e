import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import LedgerFixtures
import Logging
import Projections
import Proofs
import ServerFixtures
import Synchronization
import Testing

@testable import API
@testable import Vault

@Suite("Answers and what can be read", .timeLimit(.minutes(5)))
struct ProjectionFollowerTests {
    private struct Ledger {
        let directory: TemporaryDirectory
        let vault: Vault
        let log: EventLog
        let store: ProjectionStore
        let follower: ProjectionFollower

        init() throws {
            directory = try TemporaryDirectory()
            vault = try Vault.open(directory: directory.path + "/vault")
            log = try EventLog.open(
                directory: directory.path + "/log", signer: vault, keeper: vault, clock: SystemClock.now,
                newEventID: { "evt_" + String(repeating: "f", count: 32) })
            store = try ProjectionStore(path: directory.path + "/projections.sqlite")
            follower = ProjectionFollower(store: store, logger: TestServer.quiet)
        }

        /// Records new customers; the last one's id.
        func signUp(_ count: Int) async throws -> CustomerID {
            var generator = SystemRandomNumberGenerator()
            let customers = (0..<count).map { _ in CustomerID(using: &generator) }
            let event = CustomerCreated(jurisdiction: .europeanUnion, sealedEmail: "c2VhbGVk", tier: .free)
            _ = try await log.append(
                customers.map { customer in
                    EventDraft(
                        id: EventID(using: &generator).text, at: SystemClock.now(), actor: "system",
                        stream: customer.text, trace: "req_0123456789abcdef", type: CustomerCreated.type,
                        version: CustomerCreated.version, data: event.data)
                })
            return try #require(customers.last)
        }

        func close() async throws {
            try await log.close()
            await follower.ended()
            try store.close()
            try await vault.close()
        }
    }

    @Test("An answer may be given before its events can be read; whoever asks then waits for them")
    func promised() async throws {
        let ledger = try Ledger()
        let customer = try await ledger.signUp(3)
        try await ledger.follower.promise(ledger.log.head.size)
        #expect(ledger.store.position == 0)
        ledger.follower.start(following: ledger.log)
        try await ledger.follower.caughtUpWithAnswers()
        #expect(ledger.store.position == ledger.log.head.size)
        #expect(try ledger.store.customer(customer) != nil)
        try await ledger.close()
    }

    @Test("Whoever asks waits for the last of all answers, in whatever order they were given")
    func lastOfAll() async throws {
        let ledger = try Ledger()
        _ = try await ledger.signUp(5)
        let events = try #require(try await ledger.log.subscribe(from: 0).next())
        try ledger.store.apply(Array(events[..<2]))
        let follower = ProjectionFollower(store: ledger.store, logger: TestServer.quiet)
        for position in [3, 5, 1, 2] as [UInt64] { try await follower.promise(position) }
        let hasReturned = Atomic(false)
        async let readable = {
            try await follower.caughtUpWithAnswers()
            hasReturned.store(true, ordering: .releasing)
            return ledger.store.position
        }()
        while follower.waiting == 0, !hasReturned.load(ordering: .acquiring) { await Task.yield() }
        follower.start(following: ledger.log)
        #expect(try await readable >= 5)
        try await ledger.log.close()
        await follower.ended()
        try ledger.store.close()
        try await ledger.vault.close()
    }

    @Test("Answers that are too far ahead wait until what can be read has come nearer")
    func farAhead() async throws {
        let ledger = try Ledger()
        _ = try await ledger.signUp(4_200)
        let size = ledger.log.head.size
        async let promise: Void = ledger.follower.promise(size)
        while ledger.follower.waiting == 0 { await Task.yield() }
        ledger.follower.start(following: ledger.log)
        try await promise
        #expect(ledger.store.position >= size - 4_096)
        try await ledger.close()
    }

    @Test("Events that came while nobody waited can be read when somebody does")
    func gathered() async throws {
        let ledger = try Ledger()
        ledger.follower.start(following: ledger.log)
        for round in 0..<60 {
            let customer = try await ledger.signUp(2)
            guard round.isMultiple(of: 3) else { continue }
            try await ledger.follower.caughtUp(to: ledger.log.head.size)
            #expect(try ledger.store.customer(customer) != nil)
        }
        try await ledger.close()
    }

    @Test("A key works in the very next request after the sign-up, and so it does however many sign up")
    func nextRequest() async throws {
        try await TestServer.with { server in
            for number in 0..<25 {
                let key = try await server.signUp("you\(number)@company.com")
                let answer = try await server.send(.get, "/v1/customers/me", key: key)
                #expect(answer.status == 200, "\(answer)")
            }
        }
    }

    @Test("What a server projects from its decisions is what its log says, to the last row")
    func sameAsLog() async throws {
        let ledger = try Ledger()
        _ = try await ledger.signUp(2)
        var state = State()
        for event in try #require(try await ledger.log.subscribe(from: 0).next()) { try state.apply(event) }
        let service = LedgerService(
            log: ledger.log, state: state, projections: ledger.follower, now: SystemClock.now)
        ledger.follower.start(following: ledger.log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    var world = World(seed: UInt64(1_000 + number))
                    for _ in 0..<10 {
                        let customer = CustomerID(using: &world.generator)
                        let prefix: KeyPrefix = number.isMultiple(of: 2) ? .nanorixLive : .nanda
                        let key = world.newKey(prefix)
                        let signUp = SignUp(
                            customerID: customer, eventID: EventID(using: &world.generator), sealedEmail: "c2VhbGVk",
                            jurisdiction: .europeanUnion, tier: .starter, key: key)
                        let outcome = try await service.perform(.signUp(signUp), as: .system, trace: "req_1")
                        #expect(outcome.events.count == 2)
                        let new = world.newKey(prefix)
                        let rotation = RotateKey(
                            keyID: key.id, display: new.display, secretSHA256: new.secretSHA256, graceSeconds: 9)
                        _ = try await service.commit(.rotateKey(rotation), as: .key(key.id), trace: "req_2")
                    }
                }
            }
            try await group.waitForAll()
        }
        try await ledger.follower.caughtUp(to: ledger.log.head.size)
        let read = try ProjectionStore(path: ledger.directory.path + "/read.sqlite")
        let whole = ledger.log.subscribe(from: 0)
        while read.position < ledger.log.head.size { try read.apply(try #require(try await whole.next())) }
        #expect(try ledger.store.digest() == read.digest())
        #expect(try ledger.store.differences(from: read).isEmpty)
        try read.close()
        try await ledger.close()
    }

    @Test("When the projections have stopped, no answer is given before it can be read")
    func stopped() async throws {
        let ledger = try Ledger()
        ledger.follower.start(following: ledger.log)
        _ = try await ledger.signUp(1)
        let size = ledger.log.head.size
        try await ledger.close()
        await #expect(throws: APIError.self) { try await ledger.follower.promise(size + 1) }
        await #expect(throws: APIError.self) { try await ledger.follower.caughtUpWithAnswers() }
    }
}

extension ProjectionFollower {
    /// The same for whoever waits.
    fileprivate func promise(_ position: UInt64) async throws(APIError) {
        let result = await withCheckedContinuation { continuation in
            promise(position) { continuation.resume(returning: $0) }
        }
        try result.get()
    }
}
