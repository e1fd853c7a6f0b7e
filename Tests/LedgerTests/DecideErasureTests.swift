import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite struct DecideErasureTests {
    @Test(
        "An erased customer is gone: keys, members, sign-ins, invitations and resets end with it, and its id is not given again"
    )
    func everythingEnds() throws {
        var world = World()
        let (customer, key, owner) = try world.signUpWithOwner()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        let signIn = try world.signIn(owner)
        let (invitation, reset) = (world.token(), world.token())
        try world.run(.inviteMember(world.invitation(customer, .developer, token: invitation)))
        try world.run(
            .issueReset(
                IssueReset(memberID: owner, tokenSHA256: reset, expiresAt: world.now.adding(seconds: 60))),
            as: .operator)
        let ended = try world.createSession(key)
        try world.end(ended)

        #expect(try world.run(.eraseCustomer(customer), as: .key(key)) == [.customerErased(CustomerErased())])
        #expect(world.state.customer(customer) == nil && world.state.isErased(customer))
        for id in [key, test.id] {
            #expect(world.state.key(id)?.isRevoked == true)
            #expect(
                world.refusal(
                    .createSession(CreateSession(sessionID: SessionID(high: 1, low: 1), region: "us")), as: .key(id))?
                    .code == .unauthorized)
            #expect(world.refusal(.reserveRequests(ReserveRequests(keyID: id, requests: 1)))?.code == .notFound)
            #expect(world.refusal(.recordKeyRefusal(RecordKeyRefusal(keyID: id, reason: .revoked)))?.code == .notFound)
        }
        #expect(world.state.member(owner)?.isRemoved == true && world.state.memberIDs.isEmpty)
        #expect(world.state.signedInMember(signIn, generation: 0) == nil)
        #expect(world.state.invitation(tokenSHA256: invitation) == nil)
        #expect(world.state.member(resetTokenSHA256: reset, at: world.now) == nil)
        #expect(world.state.endedSession(ended)?.status == .destroyed)
        let again = Command.signUp(
            SignUp(
                customerID: customer, eventID: EventID(high: 1, low: 1), sealedEmail: "c2VhbGVk", key: world.newKey()))
        #expect(world.refusal(again)?.code == .conflict)
        // The same log gives the same state.
        var replayed = State()
        for envelope in world.log { try replayed.apply(envelope) }
        #expect(replayed == world.state)
    }

    @Test(
        "Only with a live key or as a member with account:write, or by the operator; somebody else's customer is not there"
    )
    func whoMay() throws {
        var world = World()
        let (customer, key, owner) = try world.signUpWithOwner()
        let (_, stranger, _) = try world.signUpWithOwner()
        let test = world.newKey(.nanorixTest)
        let weak = world.newKey(permissions: Permissions.full.subtracting(.accountWrite))
        for new in [test, weak] { try world.run(.issueKey(IssueKey(customerID: customer, key: new))) }
        let admin = try world.addMember(customer, .admin)
        for command in [
            Command.eraseCustomer(customer),
            .changeCustomer(
                ChangeCustomer(customerID: customer, eventID: EventID(high: 1, low: 2), jurisdiction: .canada)),
        ] {
            for (actor, code) in [
                (Actor.key(stranger), Refusal.Code.notFound), (.key(test.id), .forbidden), (.key(weak.id), .forbidden),
                (.member(admin, in: .live), .forbidden), (.member(owner, in: .test), .forbidden),
            ] { #expect(world.refusal(command, as: actor)?.code == code, "\(actor)") }
            for actor in [Actor.key(key), .member(owner, in: .live), .operator] {
                #expect(world.refusal(command, as: actor) == nil, "\(actor)")
            }
        }
        #expect(world.refusal(.eraseCustomer(CustomerID(high: 1, low: 1)), as: .operator)?.code == .notFound)
    }

    @Test(
        "Not while a session is alive, live or test: its destruction comes first",
        arguments: [KeyPrefix.nanorixLive, .nanorixTest])
    func liveSessions(prefix: KeyPrefix) throws {
        var world = World()
        let (customer, key, _) = try world.signUpWithOwner()
        let other = world.newKey(prefix)
        try world.run(.issueKey(IssueKey(customerID: customer, key: other)))
        let session = try world.createSession(other.id)
        #expect(world.refusal(.eraseCustomer(customer), as: .key(key))?.code == .conflict)
        let draft = EventDraft(
            id: EventID(high: 9, low: 9).text, at: world.now, actor: key.text, stream: customer.text, trace: "t",
            type: CustomerErased.type, version: 1, data: CustomerErased().data)
        let forged = Envelope(sequence: world.state.position, event: draft)
        var state = world.state
        #expect(throws: ReplayError.self) { try state.apply(forged) }
        try world.end(session)
        #expect(world.refusal(.eraseCustomer(customer), as: .key(key)) == nil)
    }

    @Test("A request that an erased customer made is remembered no more, so signing up again is not taken for it")
    func idempotency() throws {
        var world = World()
        let (customer, key, _) = try world.signUpWithOwner()
        let (_, other, _) = try world.signUpWithOwner()
        let record = { (key: UInt8) in
            Idempotency.record(
                RecordRequest(keySHA256: Hash(of: [key]), requestSHA256: Hash(of: [1])) { _ in "c2VhbGVk" })
        }
        let create = { (low: UInt64) in
            Command.createSession(CreateSession(sessionID: SessionID(high: low << 32, low: low), region: "us"))
        }
        try world.run(create(1), record(1), as: .key(key))
        try world.run(create(2), record(2), as: .key(other))
        try world.end(SessionID(high: 1 << 32, low: 1))
        try world.run(.eraseCustomer(customer), as: .key(key))
        #expect(world.state.rememberedRequest(Hash(of: [1]), at: world.now) == nil)
        #expect(world.state.rememberedRequest(Hash(of: [2]), at: world.now) != nil)
    }

    @Test("A change of jurisdiction is of sessions that begin afterwards")
    func jurisdiction() throws {
        var world = World()
        let (customer, key, _) = try world.signUpWithOwner()
        let before = try world.createSession(key)
        let change = ChangeCustomer(
            customerID: customer, eventID: EventID(high: 1, low: 2), jurisdiction: .europeanUnion,
            organisation: .sealed("c2VhbGVk"))
        try world.run(.changeCustomer(change), as: .key(key))
        let after = try world.createSession(key)
        #expect(world.state.liveSession(before)?.jurisdiction == .unitedStates)
        #expect(world.state.liveSession(after)?.jurisdiction == .europeanUnion)
        let nothing = ChangeCustomer(customerID: customer, eventID: EventID(high: 1, low: 3))
        #expect(world.refusal(.changeCustomer(nothing), as: .key(key))?.code == .badRequest)
    }
}
