import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@testable import Projections

@Suite("Agents: measurements and erasure in the projections")
struct AgentMeasurementsTests {
    private let directory = try? TemporaryDirectory()

    private func store(_ log: [Envelope], _ name: String = "projections.sqlite") throws -> ProjectionStore {
        let store = try ProjectionStore(path: try #require(directory).file(name))
        try store.apply(log)
        return store
    }

    private func name(_ text: String) throws -> AgentName { try #require(AgentName(text)) }

    private func register(_ text: String, _ world: inout World, as actor: Actor) throws -> AgentID {
        let id = AgentID(using: &world.generator)
        let profile = AgentProfile(url: "https://\(text).example.com", tags: ["all"])
        try world.run(
            .registerAgent(RegisterAgent(agentID: id, name: try name(text), profile: profile)),
            as: actor)
        return id
    }

    private func record(
        _ id: AgentID, _ world: inout World, probes: Int64, answered: Int64, succeeded: Int64, status: Int64?
    ) throws {
        let event = AgentProbed(
            answered: answered, latencyMicroseconds: 1_000 * answered, probes: probes, isReachable: status == 200,
            since: world.now, status: status, succeeded: succeeded)
        try world.run(.recordAgentProbes(RecordAgentProbes(agentID: id, probes: event)))
    }

    @Test(
        "what was measured is added up over thirty days; what is older no longer counts, and a deleted agent starts anew"
    )
    func window() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let a = try name("a")
        let id = try register("a", &world, as: .key(key))
        _ = try register("b", &world, as: .key(key))
        try record(id, &world, probes: 10, answered: 0, succeeded: 0, status: nil)
        world.now = world.now.adding(seconds: 3_600)
        try record(id, &world, probes: 10, answered: 9, succeeded: 8, status: 200)
        world.now = world.now.adding(seconds: 29 * 86_400)
        try record(id, &world, probes: 100, answered: 99, succeeded: 98, status: 503)
        let store = try store(world.log)
        let measured = try #require(try store.measurements(of: a))
        #expect(measured.probes == 120 && measured.answered == 108 && measured.succeeded == 106)
        #expect(measured.latencyMicroseconds == 108_000)
        #expect(measured.last == AgentMeasurements.Last(at: world.now, isReachable: false, status: 503))
        let unmeasured = try #require(try store.measurements(of: try name("b")))
        #expect(unmeasured.probes == 0 && unmeasured.last == nil)
        #expect(try store.measurements(of: try name("c")) == nil)
        #expect(try store.agent(a)?.updatedAt == World.start, "a probe is no change of the agent")
        let before = world.log.count
        world.now = world.now.adding(seconds: 86_400)
        try record(id, &world, probes: 1, answered: 1, succeeded: 1, status: 200)
        try store.apply(Array(world.log[before...]))
        #expect(try store.measurements(of: a)?.probes == 101, "the first day has passed out of the window")
        let then = world.log.count
        try world.run(.deleteAgent(a), as: .key(key))
        _ = try register("a", &world, as: .key(key))
        try store.apply(Array(world.log[then...]))
        #expect(try store.measurements(of: a)?.probes == 0)
        #expect(try store.digest().tables.first { $0.name == "agent_probes" }?.rows == 0)
    }

    @Test("measurements are listed in the order of the names, page by page, agents without any included")
    func pages() throws {
        var world = World()
        let (_, key) = try world.signUp()
        for index in 0..<5 {
            let id = try register("agent-\(index)", &world, as: .key(key))
            if index != 2 { try record(id, &world, probes: Int64(index + 1), answered: 0, succeeded: 0, status: nil) }
            world.now = world.now.adding(seconds: 3_600)
            if index == 3 { try record(id, &world, probes: 5, answered: 5, succeeded: 5, status: 200) }
        }
        let store = try store(world.log)
        var (rows, after): ([AgentMeasurements], AgentName?) = ([], nil)
        while true {
            let page = try store.measurements(after: after, limit: 2)
            #expect(page.rows.count <= 2)
            rows += page.rows
            after = page.rows.last?.name
            if !page.hasMore { break }
        }
        #expect(rows.map(\.name.text) == (0..<5).map { "agent-\($0)" })
        #expect(rows.map(\.probes) == [1, 2, 0, 9, 5])
    }

    @Test(
        "an erased customer's agents are found by nothing, are counted no more, and rebuilding the rows gives the same")
    func erasure() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (_, other) = try world.signUp()
        for text in ["a", "b"] {
            let id = try register(text, &world, as: .key(key))
            try record(id, &world, probes: 2, answered: 2, succeeded: 2, status: 200)
        }
        _ = try register("kept", &world, as: .key(other))
        let store = try store(world.log)
        #expect(try store.agentCounts() == AgentCounts(total: 3, alive: 3, owners: 2))
        let before = world.log.count
        try world.run(.eraseCustomer(customer), as: .operator)
        try store.apply(Array(world.log[before...]))
        #expect(try store.agentCounts() == AgentCounts(total: 1, alive: 1, owners: 1))
        #expect(try store.agent(try name("a")) == nil)
        #expect(
            try store.searchAgents(text: "", capabilities: [], tags: ["all"], limit: 9).rows.map(\.name.text) == [
                "kept"
            ])
        #expect(try store.agents(limit: 9).rows.map(\.name.text) == ["kept"])
        #expect(try store.agents(of: customer, limit: 9).rows.isEmpty)
        #expect(try store.measurements(of: try name("b")) == nil)
        // The name is free.
        _ = try register("a", &world, as: .key(other))
        try store.apply(Array(world.log[(before + 1)...]))
        #expect(try store.agents(limit: 9).rows.map(\.name.text) == ["a", "kept"])
        let rebuilt = try self.store(world.log, "rebuilt.sqlite")
        #expect(try rebuilt.digest() == store.digest())
        #expect(try rebuilt.differences(from: store).isEmpty)
    }
}
