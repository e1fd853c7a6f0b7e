import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite struct DecideMembersTests {
    @Test(
        "What each role may do: the auditor reads proofs, logs and usage and nothing else; only owners may everything")
    func roles() {
        #expect(Role.auditor.permissions.names == ["proofs:read", "logs:read", "usage:read"])
        #expect(Role.owner.permissions == .full)
        #expect(Role.admin.permissions == Permissions.full.subtracting(.accountWrite))
        #expect(Role.developer.permissions.isDisjoint(with: [.keysWrite, .membersWrite, .accountWrite]))
        #expect(Role.developer.permissions.isSuperset(of: [.sessionsExec, .filesWrite, .proofsRead]))
    }

    @Test(
        "Nobody invites, changes or removes somebody who may do more than they",
        arguments: [
            (Role.owner, [Role.owner, .admin, .developer, .auditor]), (.admin, [.admin, .developer, .auditor]),
            (.developer, [.developer, .auditor]), (.auditor, [.auditor]),
        ])
    func escalation(role: Role, allowed: [Role]) throws {
        var world = World()
        let (customer, _, _) = try world.signUpWithOwner()
        let actor = Actor.member(try world.addMember(customer, role), in: .live)
        for other in Role.allCases {
            let expected: Refusal.Code? = allowed.contains(other) ? nil : .forbidden
            let token = world.token()
            let invite = Command.inviteMember(world.invitation(customer, other, token: token))
            #expect(world.refusal(invite, as: actor)?.code == expected, "\(role) invites \(other)")
            let target = try world.addMember(customer, other)
            #expect(world.refusal(.removeMember(target), as: actor)?.code == expected, "\(role) removes \(other)")
            let change = Command.changeRole(
                ChangeRole(memberID: target, role: other == .auditor ? .developer : .auditor))
            let mayChange = allowed.contains(other) && (other != .auditor || allowed.contains(.developer))
            #expect(
                world.refusal(change, as: actor)?.code == (mayChange ? nil : .forbidden), "\(role) changes \(other)")
        }
    }

    @Test("A key without every permission of a role does not give it, and a test key manages nobody")
    func keys() throws {
        var world = World()
        let (customer, full, _) = try world.signUpWithOwner()
        let weak = world.newKey(permissions: [.membersWrite, .proofsRead, .logsRead, .usageRead])
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: weak)))
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)))
        let token = world.token()
        let auditor = Command.inviteMember(world.invitation(customer, .auditor, token: token))
        let owner = Command.inviteMember(world.invitation(customer, .owner, token: token))
        #expect(world.refusal(auditor, as: .key(weak.id)) == nil)
        #expect(world.refusal(owner, as: .key(weak.id))?.code == .forbidden)
        #expect(world.refusal(owner, as: .key(full)) == nil)
        #expect(world.refusal(auditor, as: .key(test.id))?.code == .forbidden)
    }

    @Test("The last owner cannot be removed or demoted, by nobody; with a second one they can")
    func lastOwner() throws {
        var world = World()
        let (customer, key, owner) = try world.signUpWithOwner()
        _ = try world.addMember(customer, .admin)
        for actor in [Actor.operator, .key(key), .member(owner, in: .live)] {
            #expect(world.refusal(.removeMember(owner), as: actor)?.code == .conflict)
            #expect(world.refusal(.changeRole(ChangeRole(memberID: owner, role: .admin)), as: actor)?.code == .conflict)
        }
        let second = try world.addMember(customer, .owner)
        try world.run(.changeRole(ChangeRole(memberID: owner, role: .auditor)), as: .member(owner, in: .live))
        #expect(world.refusal(.removeMember(second))?.code == .conflict)
        try world.run(.changeRole(ChangeRole(memberID: owner, role: .owner)))
        try world.run(.removeMember(second))
        #expect(world.state.members(of: customer).map(\.role).contains(.owner))
    }

    @Test("Members and open invitations together never exceed the plan", arguments: Tier.allCases)
    func caps(tier: Tier) throws {
        var world = World()
        let (customer, _, _) = try world.signUpWithOwner(tier: tier)
        let limit = Plan.of(tier).members ?? 40
        var tokens: [Hash] = []
        while world.state.members(of: customer).count + tokens.count < limit {
            let token = world.token()
            try world.run(.inviteMember(world.invitation(customer, .developer, token: token)))
            tokens.append(token)
        }
        let token = world.token()
        let oneMore = Command.inviteMember(world.invitation(customer, .developer, token: token))
        #expect(world.refusal(oneMore)?.code == (Plan.of(tier).members == nil ? nil : .limitReached))
        for token in tokens {
            try world.run(.acceptInvitation(AcceptInvitation(tokenSHA256: token, member: world.newMember())))
        }
        #expect(world.state.members(of: customer).count == limit)
        #expect([1, 5, 10, 40].contains(limit))
    }

    @Test("An expired or revoked invitation frees its place; on a smaller plan an open one cannot be accepted")
    func freedPlaces() throws {
        var world = World()
        let (customer, _, _) = try world.signUpWithOwner(tier: .starter)
        let tokens = (0..<4).map { _ in world.token() }
        var ids: [InvitationID] = []
        for token in tokens {
            let invitation = world.invitation(customer, .developer, token: token)
            ids.append(invitation.invitationID)
            try world.run(.inviteMember(invitation))
        }
        let extra = Command.inviteMember(world.invitation(customer, .developer, token: world.token()))
        #expect(world.refusal(extra)?.code == .limitReached)
        try world.run(.revokeInvitation(ids[0]))
        #expect(world.refusal(extra) == nil)
        let accept = Command.acceptInvitation(AcceptInvitation(tokenSHA256: tokens[0], member: world.newMember()))
        #expect(world.refusal(accept)?.code == .notFound)
        #expect(world.refusal(.revokeInvitation(ids[0]))?.code == .notFound)
        try world.run(.changePlan(ChangePlan(customerID: customer, tier: .free)), as: .operator)
        let next = Command.acceptInvitation(AcceptInvitation(tokenSHA256: tokens[1], member: world.newMember()))
        #expect(world.refusal(next)?.code == .limitReached)
        try world.run(.changePlan(ChangePlan(customerID: customer, tier: .starter)), as: .operator)
        #expect(world.refusal(next) == nil)
        world.now = world.now.adding(seconds: 86_400)
        #expect(world.refusal(next)?.code == .notFound, "it expires at its time exactly")
        let late = Command.inviteMember(world.invitation(customer, .developer, token: world.token()))
        #expect(world.refusal(late) == nil)
    }

    @Test("An invitation is accepted once, with the role it was for")
    func acceptedOnce() throws {
        var world = World()
        let (customer, _, _) = try world.signUpWithOwner()
        let token = world.token()
        try world.run(.inviteMember(world.invitation(customer, .auditor, token: token)))
        let member = world.newMember()
        try world.run(.acceptInvitation(AcceptInvitation(tokenSHA256: token, member: member)))
        #expect(world.state.member(member.id)?.role == .auditor)
        let again = Command.acceptInvitation(AcceptInvitation(tokenSHA256: token, member: world.newMember()))
        #expect(world.refusal(again)?.code == .notFound)
    }

    @Test("Another organisation's members and invitations are not there")
    func isolation() throws {
        var world = World()
        let (mine, key, _) = try world.signUpWithOwner()
        let (theirs, _, owner) = try world.signUpWithOwner()
        let token = world.token()
        let invitation = world.invitation(theirs, .auditor, token: token)
        try world.run(.inviteMember(invitation))
        #expect(world.refusal(.removeMember(owner), as: .key(key))?.code == .notFound)
        #expect(world.refusal(.revokeInvitation(invitation.invitationID), as: .key(key))?.code == .notFound)
        #expect(world.refusal(.inviteMember(invitation), as: .key(key))?.code == .notFound)
        #expect(
            world.refusal(.changeRole(ChangeRole(memberID: owner, role: .auditor)), as: .key(key))
                == world.refusal(
                    .changeRole(ChangeRole(memberID: MemberID(high: 1, low: 2), role: .auditor)), as: .key(key)))
        #expect(world.state.members(of: mine).count == 1)
    }

    @Test("Only the operator changes plans and issues reset tokens")
    func operatorOnly() throws {
        var world = World()
        let (customer, key, owner) = try world.signUpWithOwner(tier: .free)
        let plan = Command.changePlan(ChangePlan(customerID: customer, tier: .business))
        let reset = Command.issueReset(
            IssueReset(memberID: owner, tokenSHA256: world.token(), expiresAt: world.now.adding(seconds: 60)))
        for actor in [Actor.key(key), .member(owner, in: .live)] {
            #expect(world.refusal(plan, as: actor)?.code == .forbidden)
            #expect(world.refusal(reset, as: actor)?.code == .forbidden)
        }
        try world.run(plan, as: .operator)
        #expect(world.state.customer(customer)?.tier == .business)
        #expect(world.refusal(plan, as: .operator)?.code == .conflict)
        #expect(world.log.last?.event.actor == "operator")
    }
}
