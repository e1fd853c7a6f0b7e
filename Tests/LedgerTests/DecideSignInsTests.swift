import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite struct DecideSignInsTests {
    @Test("A refresh token works once; one that comes again ends the whole family")
    func reuse() throws {
        var world = World()
        let (_, _, owner) = try world.signUpWithOwner()
        let id = try world.signIn(owner)
        try world.refresh(id, generation: 0)
        try world.refresh(id, generation: 1)
        #expect(world.state.signedInMember(id, generation: 2)?.id == owner)
        #expect(world.state.signedInMember(id, generation: 1)?.id == owner, "requests under way while it was refreshed")
        #expect(world.state.signedInMember(id, generation: 0) == nil)
        let events = try world.refresh(id, generation: 0)
        #expect(events == [.signInEnded(SignInEnded(cause: .refreshTokenReused, signInID: id))])
        #expect(world.state.signedInMember(id, generation: 2) == nil)
        let next = RefreshSignIn(signInID: id, generation: 2, expiresAt: world.now.adding(seconds: 60))
        #expect(world.refusal(.refreshSignIn(next))?.code == .unauthorized, "the thief's newer token is dead too")
    }

    @Test("A token of a generation that was never issued, or that has expired, ends nothing and gives nothing")
    func impossible() throws {
        var world = World()
        let (_, _, owner) = try world.signUpWithOwner()
        let id = try world.signIn(owner)
        let future = RefreshSignIn(signInID: id, generation: 1, expiresAt: world.now.adding(seconds: 60))
        #expect(world.refusal(.refreshSignIn(future))?.code == .unauthorized)
        world.now = world.now.adding(seconds: 7 * 86_400)
        let late = RefreshSignIn(signInID: id, generation: 0, expiresAt: world.now.adding(seconds: 60))
        #expect(world.refusal(.refreshSignIn(late))?.code == .unauthorized)
    }

    @Test("Signing out, another password and removal end sign-ins; the same password hashed again ends none")
    func ends() throws {
        var world = World()
        let (customer, _, owner) = try world.signUpWithOwner()
        let member = try world.addMember(customer, .developer)
        let (first, second, other) = (try world.signIn(member), try world.signIn(member), try world.signIn(owner))
        try world.run(.endSignIn(first), as: .member(member, in: .live))
        #expect(world.state.signIn(first) == nil && world.state.signIn(second) != nil)
        #expect(world.refusal(.endSignIn(first))?.code == .unauthorized)
        func change(_ proof: ChangePassword.Proof) -> Command {
            var generator = world.generator
            return .changePassword(
                ChangePassword(
                    memberID: member, eventID: EventID(using: &generator), sealedVerifier: "bmV3", proof: proof))
        }
        let before = try #require(world.state.member(member)?.passwordSequence)
        try world.run(change(.rehash(setBy: before)))
        #expect(world.state.signIn(second) != nil)
        #expect(world.refusal(change(.password(setBy: before)))?.code == .unauthorized, "it holds no longer")
        let now = try #require(world.state.member(member)?.passwordSequence)
        try world.run(change(.password(setBy: now)))
        #expect(world.state.signIn(second) == nil)
        let third = try world.signIn(member)
        try world.run(.removeMember(member), as: .member(owner, in: .live))
        #expect(world.state.signIn(third) == nil && world.state.signIn(other) != nil)
        #expect(
            world.refusal(.startSignIn(world.startSignIn(SignInID(high: 1, low: 1), member)))?.code == .unauthorized)
    }

    @Test("A sign-in on the strength of a password that was changed meanwhile is refused")
    func changedMeanwhile() throws {
        var world = World()
        let (_, _, owner) = try world.signUpWithOwner()
        let checked = world.startSignIn(SignInID(high: 1, low: 1), owner)
        let change = ChangePassword(
            memberID: owner, eventID: EventID(using: &world.generator), sealedVerifier: "bmV3",
            proof: .password(setBy: checked.passwordSequence))
        try world.run(.changePassword(change))
        #expect(world.refusal(.startSignIn(checked))?.code == .unauthorized)
    }

    @Test("A reset token sets one password, until it expires or another one is issued")
    func resets() throws {
        var world = World()
        let (_, _, owner) = try world.signUpWithOwner()
        func issue() throws -> Hash {
            let token = world.token()
            try world.run(
                .issueReset(
                    IssueReset(memberID: owner, tokenSHA256: token, expiresAt: world.now.adding(seconds: 60))),
                as: .operator)
            return token
        }
        func use(_ token: Hash) -> Command {
            .changePassword(
                ChangePassword(
                    memberID: owner, eventID: EventID(high: 1, low: UInt64(world.log.count)), sealedVerifier: "bmV3",
                    proof: .resetToken(token)))
        }
        let signIn = try world.signIn(owner)
        let (first, second) = (try issue(), try issue())
        #expect(world.refusal(use(first))?.code == .unauthorized, "the second one replaced it")
        try world.run(use(second))
        #expect(world.state.signIn(signIn) == nil)
        #expect(world.refusal(use(second))?.code == .unauthorized, "it is used up")
        let third = try issue()
        world.now = world.now.adding(seconds: 60)
        #expect(world.refusal(use(third))?.code == .unauthorized, "it has expired")
    }

    @Test("A member is signed in at no more places than are kept; the oldest ends for one more")
    func tooMany() throws {
        var world = World()
        let (_, _, owner) = try world.signUpWithOwner()
        var ids: [SignInID] = []
        for _ in 0..<MemberRecord.signInsMax { ids.append(try world.signIn(owner)) }
        let one = SignInID(using: &world.generator)
        let events = try world.run(.startSignIn(world.startSignIn(one, owner)))
        #expect(events.count == 2)
        #expect(events.first == .signInEnded(SignInEnded(cause: .tooMany, signInID: ids[0])))
        #expect(ids.filter { world.state.signIn($0) != nil } == Array(ids.dropFirst()))
        world.now = world.now.adding(seconds: 7 * 86_400)
        let later = try world.run(.startSignIn(world.startSignIn(SignInID(using: &world.generator), owner)))
        #expect(later.count == 1, "expired ones need no end")
    }
}
