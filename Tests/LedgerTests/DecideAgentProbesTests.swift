import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@Suite("Agents: what was measured")
struct DecideAgentProbesTests {
    private static func probes(
        _ probes: Int64 = 3, answered: Int64 = 3, succeeded: Int64 = 2, latency: Int64 = 900, isReachable: Bool = true,
        status: Int64? = 200
    ) -> AgentProbed {
        AgentProbed(
            answered: answered, latencyMicroseconds: latency, probes: probes, isReachable: isReachable,
            since: World.start, status: status, succeeded: succeeded)
    }
    private static let unreachable = probes(
        answered: 0, succeeded: 0, latency: 0, isReachable: false, status: nil)

    private func world() throws -> (World, AgentID, KeyID) {
        var world = World()
        let (_, key) = try world.signUp()
        let id = AgentID(using: &world.generator)
        let name = try #require(AgentName("my-agent"))
        try world.run(
            .registerAgent(RegisterAgent(agentID: id, name: name, profile: AgentProfile(url: "https://a.example"))),
            as: .key(key))
        return (world, id, key)
    }

    @Test("only this node records what it measured: no owner, no operator")
    func onlyMeasured() throws {
        var (world, id, key) = try world()
        let command = Command.recordAgentProbes(RecordAgentProbes(agentID: id, probes: Self.probes()))
        for actor in [Actor.key(key), .operator] { #expect(world.refusal(command, as: actor)?.code == .forbidden) }
        #expect(try world.run(command) == [.agentProbed(Self.probes())])
        let last = world.state.agent(id)?.lastProbe
        #expect(last?.at == world.now && last?.isReachable == true)
        let unknown = RecordAgentProbes(agentID: AgentID(using: &world.generator), probes: Self.probes())
        #expect(world.refusal(.recordAgentProbes(unknown))?.code == .notFound)
    }

    @Test(
        "an agent gets one event an hour at most, whatever it does; replay refuses more, and a clock set back silences nobody"
    )
    func pause() throws {
        var (world, id, _) = try world()
        func command(_ probes: AgentProbed) -> Command {
            .recordAgentProbes(RecordAgentProbes(agentID: id, probes: probes))
        }
        try world.run(command(Self.probes()))
        let first = world.now
        for seconds: Int64 in [0, 1, 3_599, -3_599] {
            world.now = first.adding(seconds: seconds)
            #expect(world.refusal(command(Self.unreachable))?.code == .conflict, "\(seconds)")
            let draft = EventDraft(
                id: EventID(using: &world.generator).text, at: world.now, actor: "system", stream: id.text, trace: "t",
                type: AgentProbed.type, version: 1, data: Self.unreachable.data)
            var state = world.state
            let error = #expect(throws: ReplayError.self) {
                try state.apply(Envelope(sequence: state.position, event: draft))
            }
            #expect(error?.code == .counter)
        }
        for seconds: Int64 in [3_600, -3_600] {
            world.now = first.adding(seconds: seconds)
            #expect(world.refusal(command(Self.unreachable)) == nil, "\(seconds)")
        }
    }

    @Test("what was measured is worth an event when it is the first, when an agent comes or goes, and once a day")
    func worth() throws {
        var (world, id, _) = try world()
        func needs(_ isReachable: Bool, after seconds: Int64) -> Bool? {
            world.state.agent(id)?.needsProbes(isReachable: isReachable, at: world.now.adding(seconds: seconds))
        }
        #expect(needs(true, after: 0) == true)
        try world.run(.recordAgentProbes(RecordAgentProbes(agentID: id, probes: Self.probes())))
        #expect(needs(true, after: 1) == false)
        #expect(needs(false, after: 1) == true)
        #expect(needs(true, after: 86_399) == false)
        #expect(needs(true, after: 86_400) == true)
    }

    @Test(
        "numbers that cannot be true together are refused, also when the log holds them, naming the member",
        arguments: [
            (probes(0, answered: 0, succeeded: 0, latency: 0, isReachable: false, status: nil), "probes"),
            (probes(answered: 4), "answered"), (probes(answered: 0, succeeded: 0, latency: 0), "answered"),
            (probes(answered: 1), "succeeded"),
            (probes(answered: 0, succeeded: 0, isReachable: false, status: nil), "latency_us"),
            (probes(status: nil), "status"), (probes(status: 500), "status"), (probes(status: 99), "status"),
            (probes(isReachable: false, status: 200), "status"), (probes(status: 600), "status"),
        ])
    func contradictions(probes: AgentProbed, member: String) throws {
        var (world, id, _) = try world()
        let refusal = world.refusal(.recordAgentProbes(RecordAgentProbes(agentID: id, probes: probes)))
        #expect(refusal?.code == .badRequest && refusal?.field == member)
        #expect(throws: PayloadError(member, .notAllowed)) { try AgentProbed(data: probes.data) }
    }
}
