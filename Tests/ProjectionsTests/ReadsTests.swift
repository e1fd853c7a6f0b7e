import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
@testable import Projections
import Testing

@Suite struct ReadsTests {
    private let directory = try? TemporaryDirectory()

    private func store(_ log: [Envelope]) throws -> ProjectionStore {
        let store = try ProjectionStore(path: try #require(directory).file())
        try store.apply(log)
        return store
    }

    @Test("A customer's account says what it is, has and used")
    func account() throws {
        var world = World()
        let (customer, key) = try world.signUp(jurisdiction: .canada)
        let session = try world.createSession(key)
        let exec = try world.beginExec(session)
        try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 64)))
        world.now = world.now.adding(seconds: 1)
        try world.end(session)
        _ = try world.createSession(key)
        let store = try store(world.log)
        let account = try #require(try store.account(customer, in: .live, cycle: world.state.cycle))
        #expect(account.customer.jurisdiction == .canada)
        #expect(account.customer.tier == .free)
        #expect(account.customer.sealedEmail == "c2VhbGVk")
        #expect(account.customer.eventID == world.log[1].event.id)
        #expect(account.liveSessions == 1)
        #expect(
            account.cycle
                == UsageView(
                    period: "2026-03", requests: 64, sessions: 2, execs: 1, execMicroseconds: 1_000, proofs: 1))
        #expect(try store.customer(customer) == account.customer)
        #expect(try store.account(CustomerID(high: 1, low: 1), in: .live, cycle: world.state.cycle) == nil)
        let next = BillingCycle(holding: world.state.cycle.end)
        #expect(try store.account(customer, in: .live, cycle: next)?.cycle.proofs == 0)
    }

    @Test("What is sealed to an event is shown with that event's id")
    func sealedTo() throws {
        var world = World()
        let (customer, _) = try world.signUp()
        let change = CustomerChanged(organisation: .sealed("c2VhbGVk"))
        let id = "evt_" + String(repeating: "5", count: 32)
        let changed = EventDraft(
            id: id, at: world.now, actor: "system", stream: customer.text, trace: "t", type: CustomerChanged.type,
            version: CustomerChanged.version, data: change.data)
        let store = try ProjectionStore(path: try #require(directory).file("sealed.sqlite"))
        try store.apply(world.log + [Envelope(sequence: UInt64(world.log.count), event: changed)])
        let view = try #require(try store.customer(customer))
        #expect(view.sealedOrganisation == "c2VhbGVk" && view.organisationEventID == id)
        #expect(view.eventID == world.log.first { $0.event.type == CustomerCreated.type }?.event.id)
    }

    @Test("Sessions are listed newest first, page by page, each to its owner and environment alone")
    func sessions() throws {
        var world = World()
        let (customer, key) = try world.signUp(tier: .starter)
        let (stranger, strangerKey) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        var mine: [SessionID] = []
        for _ in 0..<3 {
            mine.append(try world.createSession(key))
            _ = try world.createSession(strangerKey)
        }
        let testing = try world.createSession(test.id)
        let store = try store(world.log)
        let firstPage = try store.sessions(of: customer, in: .live, limit: 2)
        #expect(firstPage.map(\.id) == [mine[2], mine[1]])
        #expect(
            try store.sessions(of: customer, in: .live, startingAfter: mine[1], limit: 2).map(\.id) == [mine[0]])
        #expect(try store.sessions(of: customer, in: .test, limit: 9).map(\.id) == [testing])
        #expect(try store.session(mine[0], of: customer, in: .live)?.status == .active)
        #expect(try store.session(mine[0], of: customer, in: .live)?.timeToLiveSeconds == 600)
        #expect(try store.session(mine[0], of: stranger, in: .live) == nil)
        #expect(try store.session(mine[0], of: customer, in: .test) == nil)
        #expect(try store.liveSessions().count == 7)
    }

    @Test("A session's row follows its life")
    func sessionLife() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let session = try world.createSession(key)
        let store = try store(world.log)
        func status() throws -> SessionView? {
            try store.apply(Array(world.log[Int(store.position)...]))
            return try store.session(session, of: customer, in: .live)
        }
        let exec = try world.beginExec(session)
        #expect(try status()?.status == .executing)
        try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
        #expect(try status()?.status == .active)
        world.now = world.now.adding(seconds: 9)
        try world.end(session, trigger: .outOfMemory)
        let ended = try #require(try status())
        #expect(ended.status == .destroyed && ended.endedBy == "oom" && ended.execCount == 1)
        #expect(ended.endedAt == world.now.wholeSecond)
    }

    @Test("A proof is answered byte for byte as it was handed out, to its owner alone, and its key to anyone")
    func proofs() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (stranger, _) = try world.signUp()
        var documents: [SessionID: String] = [:]
        var order: [SessionID] = []
        for _ in 0..<3 {
            let session = try world.createSession(key)
            world.now = world.now.adding(seconds: 1)
            documents[session] = JSONValue.object(world.document(of: session)).canonicalText
            order.insert(session, at: 0)
            try world.end(session)
        }
        let store = try store(world.log)
        for session in order {
            #expect(try store.proofDocument(of: session, customer: customer, in: .live) == documents[session])
            #expect(try store.proofDocument(of: session, customer: stranger, in: .live) == nil)
            #expect(try store.proofDocument(of: session, customer: customer, in: .test) == nil)
            let steps = try store.proofSteps(of: session)
            #expect(steps.map(\.step) == Array(1...8))
            #expect(steps.allSatisfy { $0.chainHash.hasPrefix("sha256:") })
        }
        let list = try store.proofs(of: customer, in: .live, limit: 10)
        #expect(list.map(\.sessionID) == order)
        #expect(
            try store.proofs(of: customer, in: .live, startingAfter: order[0], limit: 1).map(\.sessionID) == [order[1]])
        let published = try #require(try store.verificationKey(list[0].keyID))
        #expect(published.publicKey == World.publicKey && published.sessionID == order[0])
        #expect(try store.verificationKey("nrx-verify-20260301T143000Z-00000000") == nil)
    }

    @Test("Timelines and feeds resume after a position, and belong to one customer and environment")
    func feeds() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (stranger, _) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        let session = try world.createSession(key)
        let exec = try world.beginExec(session)
        try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
        try world.end(session)
        let store = try store(world.log)
        let timeline = try store.timeline(of: session, customer: customer, in: .live, limit: 99)
        #expect(
            timeline.map(\.type) == [
                "session.created", "session.executing", "session.executed", "verification_key.published",
                "session.destroyed", "proof.issued",
            ])
        #expect(
            try store.timeline(
                of: session, customer: customer, in: .live, after: timeline[3].sequence, limit: 1
            ).map(\.type) == ["session.destroyed"])
        #expect(try store.timeline(of: session, customer: stranger, in: .live, limit: 99).isEmpty)
        let feed = try store.feed(of: customer, in: .live, limit: 99)
        #expect(feed.prefix(2).map(\.type) == ["customer.created", "key.issued"] && feed.count == 8)
        #expect(
            try store.feed(of: customer, in: .test, limit: 99).map(\.type) == ["customer.created", "key.issued"])
        #expect(try store.feed(of: customer, in: .live, after: feed[5].sequence, limit: 99) == Array(feed[6...]))
        #expect(try store.feed(of: stranger, in: .live, limit: 99).count == 2)
    }

    @Test("Usage is added up by day and by cycle, a return lowering the month it belongs to")
    func usage() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        world.now = World.time("2026-03-31T10:00:00Z")
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 100)))
        world.now = World.time("2026-04-01T00:00:10Z")
        try world.run(.returnRequests(ReturnRequests(keyID: key, requests: 40)))
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 7)))
        let store = try store(world.log)
        let days = try store.dailyUsage(of: customer, in: .live, from: "2026-03-01", through: "2026-04-30")
        #expect(days.map(\.period) == ["2026-03-31", "2026-04-01"])
        #expect(days.map(\.requests) == [60, 7])
        let cycles = try store.cycleUsage(of: customer, in: .live, from: "2026-01", through: "2026-12")
        #expect(cycles.map(\.requests) == [60, 7])
        #expect(cycles.last?.requests == world.state.customer(customer)?.requests(in: world.state.cycle))
        #expect(try store.dailyUsage(of: customer, in: .test, from: "2026-03-01", through: "2026-04-30").isEmpty)
    }

    @Test("The keys of a customer, with when they were last used, and no one else's")
    func keys() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (stranger, _) = try world.signUp()
        let second = world.newKey(.nanorixTest, permissions: .read, expiresAt: world.now.adding(seconds: 60))
        try world.run(.issueKey(IssueKey(customerID: customer, key: second)))
        world.now = world.now.adding(seconds: 5)
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 1)))
        try world.run(.revokeKey(RevokeKey(keyID: key)))
        let store = try store(world.log)
        let live = try store.keys(of: customer, in: .live, limit: 10)
        let test = try store.keys(of: customer, in: .test, limit: 10)
        #expect(live.rows.map(\.id) == [key] && test.rows.map(\.id) == [second.id])
        let found = try #require(test.rows.first)
        #expect(found.permissions == .read && found.environment == .test && found.expiresAt == second.expiresAt)
        let used = try #require(live.rows.first)
        #expect(used.revokedAt == world.now && used.lastUsedAt == world.now && found.lastUsedAt == nil)
        #expect(used.requests(in: world.state.cycle) == 1)
        #expect(try store.key(key, of: customer, in: .live) == used)
        #expect(try store.key(key, of: customer, in: .test) == nil)
        #expect(try store.key(key, of: stranger, in: .live) == nil)
    }

    @Test("What a key's changes leave is what lists show")
    func changedKey() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let new = world.newKey()
        world.now = world.now.adding(seconds: 5)
        try world.run(
            .rotateKey(RotateKey(keyID: key, display: "nrx_live_zzzz", secretSHA256: new.secretSHA256)))
        let range = try AddressRange("10.0.0.0/8")
        try world.run(
            .changeKey(
                ChangeKey(keyID: key, name: "renamed", allowedAddresses: [range], monthlyLimit: .requests(9))))
        try world.run(.recordKeyRefusal(RecordKeyRefusal(keyID: key, reason: .wrongAddress)))
        let store = try store(world.log)
        let view = try #require(try store.key(key, of: customer, in: .live))
        #expect(view.name == "renamed" && view.display == "nrx_live_zzzz" && view.rotatedAt == world.now)
        #expect(view.allowedAddresses == [range] && view.monthlyLimit == 9)
        #expect(view.lastRefusal == .init(reason: .wrongAddress, at: world.now))
        let feed = try store.feed(of: customer, in: .live, limit: 99)
        #expect(feed.map(\.type).suffix(3) == ["key.rotated", "key.changed", "key.refused"])
        #expect(!feed.contains { $0.data.contains("sha256") })
        try world.run(
            .changeKey(
                ChangeKey(keyID: key, allowedAddresses: [], monthlyLimit: KeyChanged.MonthlyLimit.none)))
        try store.apply([try #require(world.log.last)])
        let loosened = try #require(try store.key(key, of: customer, in: .live))
        #expect(loosened.allowedAddresses.isEmpty && loosened.monthlyLimit == nil && loosened.name == "renamed")
    }

    @Test("Pages of keys go through all of them once, newest first, also while new ones come")
    func pages() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        var ids = [first]
        for _ in 0..<7 {
            let key = world.newKey()
            try world.run(.issueKey(IssueKey(customerID: customer, key: key)))
            ids.append(key.id)
        }
        let store = try store(world.log)
        var seen: [KeyID] = []
        var page = try store.keys(of: customer, in: .live, limit: 3)
        seen += page.rows.map(\.id)
        let late = world.newKey()
        try world.run(.issueKey(IssueKey(customerID: customer, key: late)))
        try store.apply([try #require(world.log.last)])
        while page.hasMore {
            page = try store.keys(of: customer, in: .live, after: seen.last, limit: 3)
            seen += page.rows.map(\.id)
        }
        #expect(seen == ids.reversed())
        #expect(try store.keys(of: customer, in: .live, limit: 9).hasMore == false)
        #expect(try store.keys(of: customer, in: .live, limit: 8).hasMore)
    }
}
