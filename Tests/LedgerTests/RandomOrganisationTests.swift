import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

/// Random lives of organisations, with senseless commands among the sensible ones.
@Suite struct RandomOrganisationTests {
    private struct Player {
        var world: World
        var customers: [CustomerID] = []
        var members: [MemberID] = []
        var tokens: [Hash] = []
        var invitations: [InvitationID] = []
        var signIns: [SignInID] = []
        var owned: Set<CustomerID> = []

        mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &world.generator) }
        mutating func pick<Element>(_ elements: some Collection<Element>, _ other: Element) -> Element {
            number(0..<10) == 0 ? other : elements.randomElement(using: &world.generator) ?? other
        }
        mutating func member() -> MemberID { pick(members.suffix(12), MemberID(high: 0, low: 0)) }
        mutating func actor() -> Actor {
            switch number(0..<5) {
            case 0: .operator
            case 1: .member(member(), in: .test)
            default: .member(member(), in: .live)
            }
        }
        mutating func role() -> Role { pick(Role.allCases, .owner) }

        mutating func step() throws(Refusal) {
            world.now = world.now.adding(seconds: number(0..<30) == 0 ? 86_400 : 5)
            switch number(0..<16) {
            case 0:
                let tier = pick(Tier.allCases, .free)
                let made = try world.signUpWithOwner(tier: tier)
                customers.append(made.customer)
                members.append(made.owner)
            case 1...3:
                let token = world.token()
                let customer = pick(customers.suffix(4), CustomerID(high: 0, low: 0))
                let command = world.invitation(customer, role(), token: token)
                try world.run(.inviteMember(command), as: actor())
                tokens.append(token)
                invitations.append(command.invitationID)
            case 4...5:
                let member = world.newMember()
                let token = pick(tokens.suffix(8), Hash(of: [0]))
                try world.run(.acceptInvitation(AcceptInvitation(tokenSHA256: token, member: member)))
                members.append(member.id)
            case 6:
                try world.run(
                    .revokeInvitation(pick(invitations.suffix(8), InvitationID(high: 0, low: 0))), as: actor())
            case 7...8: try world.run(.changeRole(ChangeRole(memberID: member(), role: role())), as: actor())
            case 9: try world.run(.removeMember(member()), as: actor())
            case 10...11: signIns.append(try world.signIn(member()))
            case 12...13:
                try world.refresh(pick(signIns.suffix(6), SignInID(high: 0, low: 0)), generation: Int64(number(0..<4)))
            case 14:
                let id = member()
                let sequence = world.state.member(id)?.passwordSequence ?? 0
                try world.run(
                    .changePassword(
                        ChangePassword(
                            memberID: id, eventID: EventID(using: &world.generator), sealedVerifier: "bmV3",
                            proof: number(0..<2) == 0 ? .password(setBy: sequence) : .rehash(setBy: sequence))))
            default:
                let customer = pick(customers.suffix(4), CustomerID(high: 0, low: 0))
                try world.run(
                    .changePlan(ChangePlan(customerID: customer, tier: pick(Tier.allCases, .free))), as: .operator)
            }
        }
    }

    @Test(
        "In every history an organisation keeps an owner, nobody without membership is signed in, and replay agrees",
        arguments: 1...8 as ClosedRange<UInt64>)
    func invariants(seed: UInt64) throws {
        var player = Player(world: World(seed: seed))
        var refusals: [Refusal.Code: Int] = [:]
        for _ in 0..<1_500 {
            let before = player.world.state
            do { try player.step() } catch {
                refusals[error.code, default: 0] += 1
                #expect(player.world.state == before, "a refusal changes nothing")
            }
            try check(player, before)
        }
        #expect(refusals[.inconsistent] == nil)
        for code in [Refusal.Code.notFound, .conflict, .forbidden, .limitReached, .unauthorized] {
            #expect((refusals[code] ?? 0) > 0, "\(code) was never met")
        }
        var replayed = State()
        for envelope in player.world.log { try replayed.apply(envelope) }
        #expect(replayed == player.world.state)
    }

    private func check(_ player: Player, _ before: State) throws {
        let state = player.world.state
        for id in player.customers.suffix(6) {
            let members = state.members(of: id)
            #expect(members.contains { $0.role == .owner }, "it began with one")
            let limit = Plan.of(try #require(state.customer(id)).tier).members ?? .max
            let grew = members.count > before.members(of: id).count
            #expect(!grew || members.count <= limit, "a member too many for the plan")
        }
        for id in player.signIns.suffix(8) {
            guard let signIn = state.signIn(id) else { continue }
            #expect(state.member(signIn.memberID)?.isRemoved == false)
        }
    }
}
