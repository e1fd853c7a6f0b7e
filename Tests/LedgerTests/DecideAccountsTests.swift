import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct DecideAccountsTests {
    @Test("Signing up gives a customer and its first key, in one commit")
    func signUp() throws {
        var world = World()
        let customer = CustomerID(using: &world.generator)
        let key = world.newKey()
        let (eventID, keyEventID) = (EventID(using: &world.generator), EventID(using: &world.generator))
        let events = try world.run(
            .signUp(
                SignUp(
                    customerID: customer, eventID: eventID, sealedEmail: "c2VhbGVk", jurisdiction: .unitedKingdom,
                    key: key, keyEventID: keyEventID)))
        #expect(world.log.suffix(2).map(\.event.id) == [eventID.text, keyEventID.text])
        #expect(
            events == [
                .customerCreated(CustomerCreated(jurisdiction: .unitedKingdom, sealedEmail: "c2VhbGVk", tier: .free)),
                .keyIssued(
                    KeyIssued(
                        customerID: customer, display: key.display, environment: .live, expiresAt: nil, keyID: key.id,
                        name: "default", permissions: .full, prefix: .nanorixLive, secretSHA256: key.secretSHA256)),
            ])
        #expect(world.log.suffix(2).allSatisfy { $0.event.stream == customer.text && $0.event.actor == "system" })
        #expect(world.state.key(secretSHA256: key.secretSHA256)?.customerID == customer)
    }

    @Test("An e-mail that is not sealed never becomes an event")
    func plainEmail() {
        var world = World()
        let command = SignUp(
            customerID: CustomerID(using: &world.generator), eventID: EventID(using: &world.generator),
            sealedEmail: "you@company.com", key: world.newKey())
        #expect(world.refusal(.signUp(command))?.code == .badRequest)
    }

    @Test("A key cannot give more than it has")
    func escalation() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let reader = world.newKey(permissions: [.keysWrite, .keysRead])
        try world.run(.issueKey(IssueKey(customerID: customer, key: reader)), as: .key(first))
        let strong = IssueKey(customerID: customer, key: world.newKey(permissions: .full))
        #expect(world.refusal(.issueKey(strong), as: .key(reader.id))?.field == "permissions")
    }

    @Test("A live key makes test keys; a test key makes test keys only")
    func environments() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)), as: .key(first))
        let another = Command.issueKey(IssueKey(customerID: customer, key: world.newKey(.nurosentrixTest)))
        let live = Command.issueKey(IssueKey(customerID: customer, key: world.newKey(.nexora)))
        #expect(world.refusal(another, as: .key(test.id)) == nil)
        #expect(world.refusal(live, as: .key(test.id))?.code == .forbidden)
        #expect(world.refusal(live, as: .key(test.id))?.field == "environment")
    }

    @Test("Names that could break a list or a terminal, and keys that are expired already, are refused")
    func badKeys() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        func refused(_ change: (inout NewKey) -> Void) -> String? {
            var copy = world
            var new = copy.newKey()
            change(&new)
            return copy.refusal(.issueKey(IssueKey(customerID: customer, key: new)), as: .key(key))?.field
        }
        #expect(refused { $0.name = "" } == "name")
        #expect(refused { $0.name = String(repeating: "x", count: 101) } == "name")
        #expect(refused { $0.name = "a\u{1b}[31m" } == "name")
        #expect(refused { $0.expiresAt = World.start } == "expires_at")
        #expect(refused { $0.display = "nrx_test_ab" } == "display")
        #expect(refused { $0.display = "nrx_live_0123456789" } == "display")
        #expect(refused { $0.name = "ci" } == nil)
    }

    @Test("Active keys of one prefix are capped by the plan; revoked and expired ones make room")
    func keyCap() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        var issued: [KeyID] = []
        for index in 0..<5 {
            let soon = index == 0 ? world.now.adding(seconds: 60) : nil
            let key = world.newKey(.nanda, expiresAt: soon)
            try world.run(.issueKey(IssueKey(customerID: customer, key: key)), as: .key(first))
            issued.append(key.id)
        }
        let sixth = Command.issueKey(IssueKey(customerID: customer, key: world.newKey(.nanda)))
        #expect(world.refusal(sixth, as: .key(first))?.code == .limitReached)
        #expect(
            world.refusal(.issueKey(IssueKey(customerID: customer, key: world.newKey(.nexora))), as: .key(first))
                == nil)
        world.now = world.now.adding(seconds: 60)
        try world.run(sixth, as: .key(first))
        let seventh = Command.issueKey(IssueKey(customerID: customer, key: world.newKey(.nanda)))
        #expect(world.refusal(seventh, as: .key(first))?.code == .limitReached)
        try world.run(.revokeKey(RevokeKey(keyID: issued[1])), as: .key(first))
        #expect(world.refusal(seventh, as: .key(first)) == nil)
    }

    @Test("A revoked key is dead for ever, for itself and for others; an expired one from its second on")
    func revoked() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let second = world.newKey(expiresAt: world.now.adding(seconds: 10))
        try world.run(.issueKey(IssueKey(customerID: customer, key: second)), as: .key(first))
        try world.run(.revokeKey(RevokeKey(keyID: first)), as: .key(second.id))
        #expect(world.refusal(.revokeKey(RevokeKey(keyID: first)), as: .key(second.id))?.code == .conflict)
        let create = Command.createSession(
            CreateSession(sessionID: SessionID(using: &world.generator), region: "us"))
        #expect(world.refusal(create, as: .key(first))?.code == .unauthorized)
        #expect(world.refusal(create, as: .key(second.id)) == nil)
        world.now = world.now.adding(seconds: 10)
        #expect(world.refusal(create, as: .key(second.id))?.code == .unauthorized)
        #expect(world.refusal(create, as: .system)?.code == .unauthorized)
    }

    @Test("Somebody else's key looks like no key at all")
    func foreignKey() throws {
        var world = World()
        let (_, mine) = try world.signUp()
        let (other, theirs) = try world.signUp()
        let unknown = KeyID(using: &world.generator)
        let foreign = world.refusal(.revokeKey(RevokeKey(keyID: theirs)), as: .key(mine))
        #expect(foreign?.code == .notFound)
        #expect(foreign == world.refusal(.revokeKey(RevokeKey(keyID: unknown)), as: .key(mine)))
        let issue = Command.issueKey(IssueKey(customerID: other, key: world.newKey()))
        let nobody = Command.issueKey(
            IssueKey(customerID: CustomerID(using: &world.generator), key: world.newKey()))
        #expect(world.refusal(issue, as: .key(mine)) == world.refusal(nobody, as: .key(mine)))
    }
}

@Suite struct DecideUsageTests {
    @Test("Requests are reserved in blocks and the rest of a block returned")
    func blocks() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 100)))
        let returned = try world.run(.returnRequests(ReturnRequests(keyID: key, requests: 30)))
        #expect(
            returned == [
                .usageTick(UsageTick(change: .returned(30), customerID: customer, day: "2026-03-01", keyID: key))
            ])
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 70)
        #expect(world.refusal(.returnRequests(ReturnRequests(keyID: key, requests: 71)))?.code == .conflict)
        #expect(world.refusal(.reserveRequests(ReserveRequests(keyID: key, requests: 0)))?.code == .badRequest)
    }

    @Test("The last block of a month is cut to what is left, then nothing more is granted, and the 1st begins anew")
    func monthlyLimit() throws {
        var world = World()
        let (_, key) = try world.signUp(prefix: .nanda)
        var granted: Int64 = 0
        for _ in 0..<99 { granted += try reserve(100, key, &world) }
        #expect(granted == 990, "a hundredth of the limit at once")
        #expect(try reserve(3, key, &world) == 3)
        #expect(try reserve(100, key, &world) == 7)
        let refusal = world.refusal(.reserveRequests(ReserveRequests(keyID: key, requests: 1)))
        #expect(refusal?.code == .rateLimited && refusal?.message.contains("1000") == true)
        world.now = World.time("2026-04-01T00:00:00Z")
        #expect(try reserve(100, key, &world) == 10)
    }

    /// How many requests are granted.
    private func reserve(_ requests: Int64, _ key: KeyID, _ world: inout World, unused: Int64 = 0) throws -> Int64 {
        let command = ReserveRequests(keyID: key, requests: requests, unused: unused)
        guard case .usageTick(let tick) = try world.run(.reserveRequests(command)).last,
            case .reserved(let granted) = tick.change
        else { return 0 }
        return granted
    }

    @Test("The lower of the key's own limit and the plan's holds, and a change of it from the next block on")
    func ownLimit() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        var new = world.newKey(.nanda)
        new.monthlyLimit = 5
        try world.run(.issueKey(IssueKey(customerID: customer, key: new)), as: .key(first))
        for _ in 0..<5 { #expect(try reserve(100, new.id, &world) == 1) }
        let one = Command.reserveRequests(ReserveRequests(keyID: new.id, requests: 1))
        #expect(world.refusal(one)?.code == .rateLimited)
        try world.run(.changeKey(ChangeKey(keyID: new.id, monthlyLimit: .requests(7))), as: .key(first))
        #expect(try reserve(100, new.id, &world) == 1)
        try world.run(.changeKey(ChangeKey(keyID: new.id, monthlyLimit: .requests(6))), as: .key(first))
        #expect(world.refusal(one)?.code == .rateLimited)
        try world.run(
            .changeKey(ChangeKey(keyID: new.id, monthlyLimit: KeyChanged.MonthlyLimit.none)), as: .key(first))
        #expect(try reserve(100, new.id, &world) == 10, "the plan's thousand")
        let unlimited = world.newKey(.nexora)
        try world.run(.issueKey(IssueKey(customerID: customer, key: unlimited)), as: .key(first))
        #expect(try reserve(5_000, unlimited.id, &world) == 5_000)
    }

    @Test("The rest of a block is exchanged for the next in one commit; a month that is over lowers only itself")
    func exchange() throws {
        var world = World()
        let (customer, key) = try world.signUp(prefix: .nanda)
        world.now = World.time("2026-03-31T23:59:59Z")
        #expect(try reserve(10, key, &world) == 10)
        world.now = World.time("2026-04-01T00:00:00Z")
        let events = try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 10, unused: 4)))
        #expect(
            events == [
                .usageTick(UsageTick(change: .returned(4), customerID: customer, day: "2026-03-31", keyID: key)),
                .usageTick(UsageTick(change: .reserved(10), customerID: customer, day: "2026-04-01", keyID: key)),
            ])
        #expect(world.state.key(key)?.requests(in: world.state.cycle) == 10)
        // Within a month the rest makes room for as many.
        for _ in 0..<99 { _ = try reserve(10, key, &world) }
        #expect(world.refusal(.reserveRequests(ReserveRequests(keyID: key, requests: 1)))?.code == .rateLimited)
        #expect(try reserve(10, key, &world, unused: 3) == 3)
        let tooMuch = ReserveRequests(keyID: key, requests: 10, unused: 5_000)
        #expect(world.refusal(.reserveRequests(tooMuch))?.code == .conflict)
    }

    @Test("A clock that is set back over the 1st counts on in the newer month")
    func clockSetBack() throws {
        var world = World()
        let (_, key) = try world.signUp(prefix: .nanda)
        world.now = World.time("2026-04-01T00:00:01Z")
        for _ in 0..<100 { _ = try reserve(10, key, &world) }
        world.now = World.time("2026-03-31T23:59:50Z")
        #expect(world.refusal(.reserveRequests(ReserveRequests(keyID: key, requests: 1)))?.code == .rateLimited)
        let (_, other) = try world.signUp(prefix: .nanda)
        let events = try world.run(.reserveRequests(ReserveRequests(keyID: other, requests: 1)))
        guard case .usageTick(let tick) = try #require(events.first) else { return }
        #expect(tick.day == "2026-04-01")
    }

    @Test("What a block of last month returns does not lower this month's count")
    func returnAcrossMonths() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        world.now = World.time("2026-03-31T23:59:59Z")
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 100)))
        world.now = World.time("2026-04-01T00:00:01Z")
        try world.run(.returnRequests(ReturnRequests(keyID: key, requests: 50)))
        #expect(world.state.cycle.text == "2026-04")
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 0)
    }

    @Test("Requests of test keys are counted for the key, never for the bill")
    func testKeys() throws {
        var world = World()
        let (customer, key) = try world.signUp(prefix: .nanorixTest)
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 10)))
        #expect(world.state.key(key)?.requests(in: world.state.cycle) == 10)
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 0)
    }
}
