import EventStore
import Foundation
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@testable import Projections
import SQLite

@Suite struct MembersReadsTests {
    private let directory = try? TemporaryDirectory()

    private func store(_ log: [Envelope], pieces: Int = 1) throws -> ProjectionStore {
        let store = try ProjectionStore(path: try #require(directory).file(UUID().uuidString))
        for start in stride(from: 0, to: log.count, by: pieces == 1 ? log.count : pieces) {
            try store.apply(Array(log[start..<min(log.count, start + (pieces == 1 ? log.count : pieces))]))
        }
        return store
    }

    private func story() throws -> (world: World, customer: CustomerID, owner: MemberID, member: MemberID) {
        var world = World()
        let (customer, _, owner) = try world.signUpWithOwner(tier: .starter)
        let member = try world.addMember(customer, .developer)
        world.now = world.now.adding(seconds: 5)
        _ = try world.signIn(member)
        try world.run(
            .changePassword(
                ChangePassword(
                    memberID: member, eventID: EventID(using: &world.generator), sealedVerifier: "bmV3",
                    proof: .rehash(setBy: world.state.member(member)?.passwordSequence ?? 0))))
        try world.run(.changeRole(ChangeRole(memberID: member, role: .admin)))
        return (world, customer, owner, member)
    }

    @Test("A member's row says what the events say; a removed one is gone from reads, and so is the verifier")
    func members() throws {
        let (story, customer, owner, member) = try story()
        var world = story
        let view = try #require(try store(world.log).member(member))
        let password = try #require(world.log.last { $0.event.type == MemberPasswordChanged.type })
        #expect(view.role == .admin && view.customerID == customer && view.sealedVerifier == "bmV3")
        #expect(view.passwordSequence == world.state.member(member)?.passwordSequence)
        #expect(view.passwordEventID == password.event.id && view.profileEventID != password.event.id)
        #expect(view.lastSignInAt == world.now)
        try world.run(.removeMember(member))
        let store = try store(world.log)
        #expect(try store.member(member) == nil)
        #expect(try store.members(of: customer, limit: 10).rows.map(\.id) == [owner])
        let query = Query("SELECT sealed_verifier FROM members WHERE removed_at IS NOT NULL")
        let verifiers = try store.readers.rows(query) { row throws(ProjectionError) in row.text(0) }
        #expect(verifiers == [""])
    }

    @Test("Invitations go from pending to accepted or revoked; lists have pages and one owner")
    func invitations() throws {
        var world = World()
        let (customer, key, _) = try world.signUpWithOwner()
        let (other, _, _) = try world.signUpWithOwner()
        _ = try world.addMember(customer, .developer, by: .key(key))
        let second = world.invitation(customer, .auditor, token: world.token())
        try world.run(.inviteMember(second), as: .key(key))
        try world.run(.revokeInvitation(second.invitationID))
        let third = world.invitation(customer, .auditor, token: world.token())
        try world.run(.inviteMember(third))
        let store = try store(world.log)
        let all = try store.invitations(of: customer, limit: 10)
        #expect(all.rows.map(\.status) == [.pending, .revoked, .accepted] && !all.hasMore)
        #expect(all.rows.last?.invitedBy == key.text)
        let page = try store.invitations(of: customer, after: third.invitationID, limit: 1)
        #expect(page.rows.map(\.id) == [second.invitationID] && page.hasMore)
        #expect(try store.invitations(of: other, limit: 10).rows.isEmpty)
    }

    @Test("Another plan holds for every key at once, in the directory too, and after a rebuild")
    func plan() throws {
        var world = World()
        let (customer, first, _) = try world.signUpWithOwner(tier: .free)
        let key = world.newKey()
        try world.run(.issueKey(IssueKey(customerID: customer, key: key)))
        let store = try store(world.log)
        let before = world.log.count
        try world.run(.changePlan(ChangePlan(customerID: customer, tier: .business)), as: .operator)
        try store.apply(Array(world.log[before...]))
        for id in [first, key.id] { #expect(store.keys.find(id)?.tier == .business) }
        #expect(try store.customer(customer)?.tier == .business)
        let rebuilt = try self.store(world.log)
        #expect(rebuilt.keys.find(first)?.tier == .business)
        #expect(try rebuilt.customers(limit: 5).rows.map(\.tier) == [.business])
    }

    @Test("The feed shows what happened to the organisation, without anything sealed or hashed; live and test alike")
    func feed() throws {
        let (world, customer, _, _) = try story()
        let store = try store(world.log)
        for environment in [KeyEnvironment.live, .test] {
            let feed = try store.feed(of: customer, in: environment, limit: 50)
            #expect(feed.contains { $0.type == SignInStarted.type && $0.data.contains("sign_in_id") })
            #expect(feed.contains { $0.type == MemberAdded.type && $0.data.contains("developer") })
            #expect(!feed.contains { $0.data.contains("sealed") || $0.data.contains("sha256") })
        }
    }

    @Test("A member's session belongs to its customer, and no key")
    func memberSession() throws {
        let (story, customer, owner, _) = try story()
        var world = story
        let id = SessionID(using: &world.generator)
        try world.run(.createSession(CreateSession(sessionID: id, region: "eu")), as: .member(owner, in: .test))
        let store = try store(world.log)
        #expect(try store.session(id, of: customer, in: .test)?.status == .active)
        #expect(try store.session(id, of: customer, in: .live) == nil)
        #expect(world.state.liveSession(id)?.creator == .member(owner))
    }

    @Test("In any batch sizes the same rows")
    func batches() throws {
        let (world, _, _, _) = try story()
        let whole = try store(world.log).digest()
        for pieces in [2, 3, 7] { #expect(try store(world.log, pieces: pieces).digest() == whole) }
    }
}
