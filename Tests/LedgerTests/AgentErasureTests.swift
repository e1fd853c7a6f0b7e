import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@Suite("Agents: erasure and the plan's number of agents")
struct AgentErasureTests {
    private func name(_ text: String) throws -> AgentName { try #require(AgentName(text)) }

    private func register(_ text: String, _ world: inout World) throws -> Command {
        .registerAgent(
            RegisterAgent(
                agentID: AgentID(using: &world.generator), name: try name(text),
                profile: AgentProfile(url: "https://agent.example.com")))
    }

    @Test(
        "an erased customer's agents are registered no more, their names are free, and nobody else's agent is touched")
    func erasure() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (other, second) = try world.signUp()
        for text in ["a", "b"] { try world.run(try register(text, &world), as: .key(key)) }
        try world.run(try register("claimed", &world), as: .system)
        try world.run(try register("claimed", &world), as: .key(key))
        try world.run(try register("kept", &world), as: .key(second))
        try world.run(try register("nobodys", &world), as: .system)
        let erased = try #require(world.state.agent(try name("a")))
        try world.run(.eraseCustomer(customer), as: .key(key))
        for text in ["a", "b", "claimed"] {
            #expect(world.state.agent(try name(text)) == nil, "\(text)")
        }
        #expect(world.state.agent(erased.id) == nil)
        #expect(world.state.agentCount(of: customer) == 0)
        for text in ["kept", "nobodys"] { #expect(world.state.agent(try name(text)) != nil, "\(text)") }
        try world.run(try register("a", &world), as: .key(second))
        #expect(world.state.agent(try name("a"))?.customerID == other)
        #expect(world.state.agentCount(of: other) == 2)
    }

    @Test("a log that an older program wrote means the same: whoever replays it sees no agent of an erased customer")
    func oldLogs() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        try world.run(try register("a", &world), as: .key(key))
        let registered = try #require(world.log.last)
        try world.run(.eraseCustomer(customer), as: .operator)
        var replayed = State()
        for envelope in world.log { try replayed.apply(envelope) }
        #expect(replayed == world.state)
        #expect(replayed.agent(try name("a")) == nil)
        // Nothing can happen to it any more, and an event that says so is refused.
        let status = AgentStatusChanged(isAlive: false, assignedTo: nil)
        let forged = Envelope(
            sequence: replayed.position,
            event: EventDraft(
                id: EventID(using: &world.generator).text, at: world.now, actor: "system",
                stream: registered.event.stream, trace: "t", type: AgentStatusChanged.type, version: 1,
                data: status.data))
        let error = #expect(throws: ReplayError.self) { try replayed.apply(forged) }
        #expect(error?.code == .reference)
    }

    @Test("a plan has a number of agents: the next one is refused, a change is not, a deleted one makes room")
    func cap() throws {
        #expect(Tier.allCases.map { Plan.of($0).agents } == [25, 250, 250, nil])
        var world = World()
        let (customer, key) = try world.signUp()
        for index in 0..<25 { try world.run(try register("agent-\(index)", &world), as: .key(key)) }
        let refusal = world.refusal(try register("one-more", &world), as: .key(key))
        #expect(refusal?.code == .limitReached)
        #expect(refusal?.message.contains("25") == true)
        #expect(world.refusal(try register("agent-0", &world), as: .key(key)) == nil, "it is there already")
        try world.run(try register("nobodys", &world), as: .system)
        #expect(
            world.refusal(try register("nobodys", &world), as: .key(key))?.code == .limitReached,
            "to claim one is to have one more")
        try world.run(.deleteAgent(try name("agent-7")), as: .key(key))
        try world.run(try register("nobodys", &world), as: .key(key))
        #expect(world.state.agentCount(of: customer) == 25)
        #expect(world.refusal(try register("one-more", &world), as: .key(key))?.code == .limitReached)
        try world.run(.changePlan(ChangePlan(customerID: customer, tier: .starter)), as: .operator)
        try world.run(try register("one-more", &world), as: .key(key))
        try world.run(.changePlan(ChangePlan(customerID: customer, tier: .free)), as: .operator)
        #expect(world.state.agentCount(of: customer) == 26, "a lower plan takes none away")
        #expect(world.refusal(try register("two-more", &world), as: .key(key))?.code == .limitReached)
        let (_, enterprise) = try world.signUp(tier: .enterprise)
        for index in 0..<260 { try world.run(try register("many-\(index)", &world), as: .key(enterprise)) }
    }
}
