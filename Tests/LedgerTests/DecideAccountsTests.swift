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
        let events = try world.run(
            .signUp(
                SignUp(
                    customerID: customer, eventID: EventID(using: &world.generator), sealedEmail: "c2VhbGVk",
                    jurisdiction: .unitedKingdom, key: key)))
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

    @Test("A key cannot give more than it has, nor change between test and live")
    func escalation() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let reader = world.newKey(permissions: [.keysWrite, .keysRead])
        try world.run(.issueKey(IssueKey(customerID: customer, key: reader)), as: .key(first))
        let strong = IssueKey(customerID: customer, key: world.newKey(permissions: .full))
        #expect(world.refusal(.issueKey(strong), as: .key(reader.id))?.field == "permissions")
        let test = IssueKey(customerID: customer, key: world.newKey(.nanorixTest, permissions: .keysRead))
        #expect(world.refusal(.issueKey(test), as: .key(first))?.code == .forbidden)
        #expect(world.refusal(.issueKey(test)) == nil)
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
        try world.run(.reserveRequests(CountRequests(keyID: key, requests: 100)))
        let returned = try world.run(.returnRequests(CountRequests(keyID: key, requests: 30)))
        #expect(
            returned == [
                .usageTick(UsageTick(change: .returned(30), customerID: customer, day: "2026-03-01", keyID: key))
            ])
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 70)
        #expect(world.refusal(.returnRequests(CountRequests(keyID: key, requests: 71)))?.code == .conflict)
        #expect(world.refusal(.reserveRequests(CountRequests(keyID: key, requests: 0)))?.code == .badRequest)
    }

    @Test("A block that would pass the month's limit is refused whole, and the 1st begins anew")
    func monthlyLimit() throws {
        var world = World()
        let (_, key) = try world.signUp(prefix: .nanda)
        try world.run(.reserveRequests(CountRequests(keyID: key, requests: 999)))
        #expect(world.refusal(.reserveRequests(CountRequests(keyID: key, requests: 2)))?.code == .rateLimited)
        try world.run(.reserveRequests(CountRequests(keyID: key, requests: 1)))
        #expect(world.refusal(.reserveRequests(CountRequests(keyID: key, requests: 1)))?.code == .rateLimited)
        world.now = World.time("2026-04-01T00:00:00Z")
        #expect(world.refusal(.reserveRequests(CountRequests(keyID: key, requests: 1_000))) == nil)
    }

    @Test("What a block of last month returns does not lower this month's count")
    func returnAcrossMonths() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        world.now = World.time("2026-03-31T23:59:59Z")
        try world.run(.reserveRequests(CountRequests(keyID: key, requests: 100)))
        world.now = World.time("2026-04-01T00:00:01Z")
        try world.run(.returnRequests(CountRequests(keyID: key, requests: 50)))
        #expect(world.state.cycle.text == "2026-04")
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 0)
    }

    @Test("Requests of test keys are counted for the key, never for the bill")
    func testKeys() throws {
        var world = World()
        let (customer, key) = try world.signUp(prefix: .nanorixTest)
        try world.run(.reserveRequests(CountRequests(keyID: key, requests: 10)))
        #expect(world.state.key(key)?.requests(in: world.state.cycle) == 10)
        #expect(world.state.customer(customer)?.requests(in: world.state.cycle) == 0)
    }
}
