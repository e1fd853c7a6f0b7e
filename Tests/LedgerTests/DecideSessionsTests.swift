import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct DecideSessionsTests {
    @Test("A session's whole life: created, two commands, key published, destroyed with its proof")
    func life() throws {
        var world = World()
        let (customer, key) = try world.signUp(jurisdiction: .europeanUnion)
        let session = try world.createSession(key)
        for _ in 0..<2 {
            let exec = try world.beginExec(session, .key(key))
            #expect(world.state.liveSession(session)?.status == .executing)
            try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
            #expect(world.state.liveSession(session)?.status == .active)
        }
        world.now = world.now.adding(seconds: 5)
        try world.end(session)
        #expect(
            world.log.suffix(8).map(\.event.type) == [
                "session.created", "session.executing", "session.executed", "session.executing", "session.executed",
                "verification_key.published", "session.destroyed", "proof.issued",
            ])
        #expect(world.state.endedSession(session)?.status == .destroyed)
        #expect(world.state.customer(customer)?.liveSessions == 0)
        #expect(world.state.customer(customer)?.proofs(in: world.state.cycle) == 1)
        #expect(world.state.isComplete)
    }

    @Test("A session lives as long as its plan allows, or shorter when asked", arguments: Tier.allCases)
    func timeToLive(tier: Tier) throws {
        var world = World()
        let (_, key) = try world.signUp(tier: tier)
        let limit = Plan.of(tier).timeToLiveSecondsMax
        let longest = try world.createSession(key)
        let short = try world.createSession(key, timeToLiveSeconds: 7)
        #expect(world.state.liveSession(longest)?.timeToLiveSeconds == limit)
        #expect(world.state.liveSession(short)?.timeToLiveSeconds == 7)
        func refused(_ seconds: Int64) -> Refusal? {
            var copy = world
            let command = CreateSession(
                sessionID: SessionID(using: &copy.generator), region: "us", timeToLiveSeconds: seconds)
            return copy.refusal(.createSession(command), as: .key(key))
        }
        #expect(refused(0)?.field == "ttl_seconds")
        #expect(refused((limit ?? 1 << 40) + 1)?.field == (limit == nil ? nil : "ttl_seconds"))
    }

    @Test("Of many sessions at once exactly the plan's number are created, test ones counted apart")
    func concurrentSessions() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        var created = 0
        for _ in 0..<200 where (try? world.createSession(key)) != nil { created += 1 }
        #expect(created == 3)
        let next = Command.createSession(CreateSession(sessionID: SessionID(using: &world.generator), region: "us"))
        #expect(world.refusal(next, as: .key(key))?.code == .rateLimited)
        #expect(world.refusal(next, as: .key(test.id)) == nil)
    }

    @Test("On Free exactly 100 sessions are created in a cycle, three at a time, and 100 more on the 1st")
    func proofQuota() throws {
        var world = World()
        let (_, key) = try world.signUp()
        for round in 0..<2 {
            var created: [SessionID] = []
            var refusal: Refusal?
            for _ in 0..<50 {
                var batch: [SessionID] = []
                for _ in 0..<3 {
                    do { batch.append(try world.createSession(key)) } catch { refusal = error }
                }
                world.now = world.now.adding(seconds: 1)
                for session in batch { try world.end(session) }
                created += batch
            }
            #expect(created.count == 100)
            #expect(
                refusal
                    == Refusal(
                        .quotaExceeded, "Free tier limit of 100 CDPs/month exceeded. Upgrade to continue.",
                        exhausted: .proofs))
            world.now = World.time(round == 0 ? "2026-04-01T00:00:00Z" : "2026-05-01T00:00:00Z")
        }
    }

    @Test("Test sessions are never billed: they do not count as proofs of the cycle")
    func testQuota() throws {
        var world = World()
        let (customer, key) = try world.signUp(prefix: .nanorixTest)
        for _ in 0..<150 {
            let session = try world.createSession(key)
            world.now = world.now.adding(seconds: 1)
            try world.end(session)
        }
        #expect(world.state.customer(customer)?.proofs(in: world.state.cycle) == 0)
    }

    @Test("An unclean end has no proof, frees its place and does not count")
    func uncleanQuota() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        for _ in 0..<10 {
            let session = try world.createSession(key)
            try world.run(.expireUnclean(ExpireUnclean(sessionID: session, reason: .serverDied)))
            #expect(world.state.endedSession(session)?.status == .expiredUnclean)
        }
        #expect(world.state.customer(customer)?.proofs(in: world.state.cycle) == 0)
        #expect(world.state.customer(customer)?.liveSessions == 0)
    }

    @Test("One command at a time: a second is a conflict until the first has ended")
    func oneCommand() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        let exec = try world.beginExec(session)
        let second = Command.beginExec(World.beginExec(session, ExecID(using: &world.generator)))
        #expect(world.refusal(second, as: .key(key))?.code == .conflict)
        let stranger = World.result(ExecID(using: &world.generator))
        #expect(world.refusal(.finishExec(FinishExec(sessionID: session, result: stranger)))?.code == .conflict)
        try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
        #expect(world.refusal(second, as: .key(key)) == nil)
    }

    @Test("A result that cannot be is refused before it is an event")
    func impossibleResult() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        let exec = try world.beginExec(session)
        let result = World.result(exec, outcome: .exited(code: 300))
        #expect(world.refusal(.finishExec(FinishExec(sessionID: session, result: result)))?.field == "exit_code")
    }

    @Test("Nothing runs in a session once its verification key is published")
    func sealed() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        let exec = try world.beginExec(session)
        let publish = Command.publishVerificationKey(
            PublishVerificationKey(sessionID: session, destroyedAt: world.now, publicKey: World.publicKey))
        try world.run(publish)
        for command in [
            publish, .beginExec(World.beginExec(session, exec)),
            .finishExec(FinishExec(sessionID: session, result: World.result(exec))),
        ] { #expect(world.refusal(command)?.code == .conflict) }
    }

    @Test("A key id that is taken is refused, and the next second is free")
    func takenKeyID() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let prefix: UInt64 = 0xa8f3_e71c << 32
        let twins = [SessionID(high: prefix | 1, low: 1), SessionID(high: prefix | 2, low: 2)]
        for id in twins {
            try world.run(.createSession(CreateSession(sessionID: id, region: "us")), as: .key(key))
        }
        func publish(_ id: SessionID) -> Command {
            .publishVerificationKey(
                PublishVerificationKey(sessionID: id, destroyedAt: world.now, publicKey: World.publicKey))
        }
        try world.run(publish(twins[0]))
        #expect(world.refusal(publish(twins[1]))?.code == .conflict)
        world.now = world.now.adding(seconds: 1)
        #expect(world.refusal(publish(twins[1])) == nil)
    }

    @Test("A proof before its key, or one that says anything else than the events do, is refused")
    func wrongProofs() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        let early = world.document(of: session)
        #expect(world.refusal(.endSession(EndSession(sessionID: session, proof: early)))?.code == .conflict)
        try world.run(
            .publishVerificationKey(
                PublishVerificationKey(sessionID: session, destroyedAt: world.now, publicKey: World.publicKey)))
        let right = world.document(of: session)
        for name in ["session_id", "created_at", "destroyed_at", "attestation", "session_context", "evidence"] {
            var wrong = right
            wrong[name] = name.hasSuffix("_at") ? "2026-03-01T14:00:09Z" : "x"
            #expect(
                world.refusal(.endSession(EndSession(sessionID: session, proof: wrong)))?.code == .badRequest,
                "\(name)")
        }
        #expect(world.refusal(.endSession(EndSession(sessionID: session, proof: right))) == nil)
    }

    @Test(
        "Time that ran out ends a session as expired, with a proof like any other",
        arguments: DestructionTrigger.allCases)
    func triggers(trigger: DestructionTrigger) throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        try world.end(session, trigger: trigger)
        #expect(world.state.endedSession(session)?.status == (trigger == .timeToLive ? .expired : .destroyed))
        #expect(world.log.last?.event.type == "proof.issued")
    }

    @Test("Not there, somebody else's, and of the other environment are the same answer")
    func foreignSessions() throws {
        var world = World()
        let (customer, mine) = try world.signUp()
        let (_, theirs) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        let session = try world.createSession(mine)
        let nowhere = SessionID(using: &world.generator)
        let exec = ExecID(using: &world.generator)
        let unknown = world.refusal(.beginExec(World.beginExec(nowhere, exec)), as: .key(mine))
        #expect(unknown?.code == .notFound)
        for key in [theirs, test.id] {
            #expect(world.refusal(.beginExec(World.beginExec(session, exec)), as: .key(key)) == unknown)
        }
        try world.end(session)
        for key in [theirs, test.id] {
            #expect(world.refusal(.beginExec(World.beginExec(session, exec)), as: .key(key)) == unknown)
        }
        #expect(world.refusal(.beginExec(World.beginExec(session, exec)), as: .key(mine))?.code == .conflict)
    }

    @Test("What a key began is brought to its end although the key was revoked meanwhile, and nothing new begins")
    func revokedMeanwhile() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        let exec = try world.beginExec(session, .key(key))
        try world.run(.revokeKey(RevokeKey(keyID: key)))
        try world.run(
            .finishExec(FinishExec(sessionID: session, result: World.result(exec))), as: .key(key))
        #expect(world.refusal(.beginExec(World.beginExec(session, exec)), as: .key(key))?.code == .unauthorized)
        let publish = Command.publishVerificationKey(
            PublishVerificationKey(sessionID: session, destroyedAt: world.now, publicKey: World.publicKey))
        try world.run(publish, as: .key(key))
        try world.run(
            .endSession(EndSession(sessionID: session, proof: world.document(of: session))), as: .key(key))
    }

    @Test("What is known of an unclean end can hold numbers, never content")
    func uncleanContent() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let session = try world.createSession(key)
        func refused(_ known: JSONObject, step: Int64? = nil) -> String? {
            var copy = world
            let command = ExpireUnclean(
                sessionID: session, reason: .measurementFailed, failedStep: step, known: known)
            return copy.refusal(.expireUnclean(command))?.field
        }
        #expect(refused(World.object(["processes_after": 2]), step: 1) == nil)
        #expect(refused(World.object(["output": "secret"])) == "known")
        #expect(refused(JSONObject(), step: 0) == "failed_step")
    }
}
