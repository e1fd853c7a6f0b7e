import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@testable import Projections
import SQLite

@Suite("Agents: reads")
struct AgentsReadsTests {
    private let directory = try? TemporaryDirectory()

    private func store(_ log: [Envelope]) throws -> ProjectionStore {
        let store = try ProjectionStore(path: try #require(directory).file())
        try store.apply(log)
        return store
    }

    private func register(
        _ name: String, _ world: inout World, as actor: Actor, capabilities: [String] = [], tags: [String] = []
    ) throws {
        let profile = AgentProfile(
            url: "https://\(name).example.com", capabilities: capabilities, tags: tags)
        try world.run(
            .registerAgent(
                RegisterAgent(
                    agentID: AgentID(using: &world.generator), name: try #require(AgentName(name)), profile: profile)),
            as: actor)
    }

    private func found(
        _ store: ProjectionStore, _ text: String = "", capabilities: [String] = [], tags: [String] = []
    ) throws -> [String] {
        try store.searchAgents(text: text, capabilities: capabilities, tags: tags, limit: 100).rows.map(\.name.text)
    }

    @Test("a search finds words, beginnings with a star, exact capabilities and tags; all of it must fit")
    func search() throws {
        var world = World()
        let (_, key) = try world.signUp()
        try register("weather-eu", &world, as: .key(key), capabilities: ["forecast", "Text Generation"], tags: ["eu"])
        try register("weather-us", &world, as: .key(key), capabilities: ["forecast"], tags: ["us"])
        try register("translator", &world, as: .key(key), capabilities: ["text generation pro"], tags: ["eu", "café"])
        let store = try store(world.log)
        #expect(try found(store) == ["translator", "weather-us", "weather-eu"], "newest first")
        #expect(try found(store, "weather") == ["weather-us", "weather-eu"])
        #expect(try found(store, "WEATHER eu") == ["weather-eu"])
        #expect(try found(store, "weath") == [], "a word is a whole word")
        #expect(try found(store, "weath*") == ["weather-us", "weather-eu"])
        #expect(try found(store, "we*") == [], "a beginning has at least three characters")
        #expect(try found(store, "cafe") == ["translator"])
        #expect(try found(store, "weather-us.example.com") == ["weather-us"])
        #expect(try found(store, capabilities: ["text generation"]) == ["weather-eu"], "exactly, whatever the case")
        #expect(try found(store, capabilities: ["text"]) == [])
        #expect(try found(store, tags: ["eu"]) == ["translator", "weather-eu"])
        #expect(try found(store, "weather", capabilities: ["forecast"], tags: ["us"]) == ["weather-us"])
        #expect(try found(store, capabilities: ["forecast", "text generation"]) == ["weather-eu"])
        #expect(try found(store, capabilities: ["eu"]) == [], "a tag is no capability")
    }

    @Test(
        "nothing in a question is an operator of the index, and none makes it fail",
        arguments: [
            "\"", "\"\"", "a\"b", "weather OR translator", "NOT weather", "words : weather", "(", ")", "^weather", "*",
            "***", "NEAR(a b)", "-", "; DROP TABLE agents", "\u{0}", "weather\u{0}", "{words labels} : x", "+", "a AND",
        ])
    func hostileQuestions(text: String) throws {
        var world = World()
        let (_, key) = try world.signUp()
        try register("weather", &world, as: .key(key))
        try register("translator", &world, as: .key(key))
        let store = try store(world.log)
        let rows = try found(store, text)
        #expect(rows.count != 1 || text.contains("weather"), "\(rows)")
        #expect(try found(store, capabilities: [text], tags: [text]) == [])
    }

    @Test("what changed is found by what it is now, what was deleted by nothing")
    func changes() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        try register("one", &world, as: .key(key), tags: ["old"])
        try register("one", &world, as: .key(key), tags: ["new"])
        try register("two", &world, as: .key(key), tags: ["new"])
        let two = try #require(AgentName("two"))
        try world.run(.changeAgentStatus(ChangeAgentStatus(name: two, isAlive: false, assignedTo: "c")), as: .key(key))
        let name = try #require(AgentName("one"))
        let before = world.log.count
        try world.run(.deleteAgent(name), as: .key(key))
        let store = try store(Array(world.log.prefix(before)))
        #expect(try found(store, tags: ["old"]) == [])
        #expect(try found(store, tags: ["new"]) == ["two", "one"])
        #expect(try store.agentCounts() == AgentCounts(total: 2, alive: 1, owners: 1))
        #expect(try store.agent(two)?.assignedTo == "c")
        try store.apply(Array(world.log.dropFirst(before)))
        #expect(try found(store, tags: ["new"]) == ["two"])
        #expect(try found(store, "one") == [])
        #expect(try store.agent(name) == nil)
        #expect(try store.agentCounts() == AgentCounts(total: 1, alive: 0, owners: 1))
        #expect(
            try store.timeline(ofAgent: two, customer: customer, limit: 9).map(\.type) == [
                "agent.registered", "agent.status_changed",
            ])
        #expect(try store.feed(of: customer, in: .live, limit: 99).filter { $0.type == "agent.deleted" }.count == 1)
    }

    @Test("counts of owners follow agents that come, go and are claimed")
    func owners() throws {
        var world = World()
        let (_, first) = try world.signUp()
        let (_, second) = try world.signUp()
        try register("nobody", &world, as: .system)
        try register("a", &world, as: .key(first))
        try register("b", &world, as: .key(second))
        try register("nobody", &world, as: .key(second))
        let store = try store(world.log)
        #expect(try store.agentCounts() == AgentCounts(total: 3, alive: 3, owners: 2))
        let before = world.log.count
        try world.run(.deleteAgent(try #require(AgentName("a"))), as: .key(first))
        try store.apply(Array(world.log.dropFirst(before)))
        #expect(try store.agentCounts() == AgentCounts(total: 2, alive: 2, owners: 1))
    }

    @Test("pages continue where the one before ended, in every list")
    func pages() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let (_, other) = try world.signUp()
        for index in 0..<7 { try register("agent-\(index)", &world, as: .key(key), tags: ["all"]) }
        try register("stranger", &world, as: .key(other), tags: ["all"])
        let store = try store(world.log)
        func walk(_ next: (AgentName?) throws -> Page<AgentView>) throws -> [String] {
            var (names, after): ([String], AgentName?) = ([], nil)
            while true {
                let page = try next(after)
                names += page.rows.map(\.name.text)
                after = page.rows.last?.name
                if !page.hasMore { return names }
            }
        }
        let mine = (0..<7).map { "agent-\($0)" }
        #expect(try walk { try store.agents(after: $0, limit: 3) } == mine + ["stranger"])
        #expect(try walk { try store.agents(of: customer, after: $0, limit: 3) } == mine.reversed())
        let all = ["stranger"] + mine.reversed()
        #expect(
            try walk { try store.searchAgents(text: "", capabilities: [], tags: ["all"], after: $0, limit: 3) } == all)
        #expect(try walk { try store.searchAgents(text: "", capabilities: [], tags: [], after: $0, limit: 3) } == all)
    }

    @Test("list, search, look-up and stats never read a whole table: SQLite's own plan says so")
    func plans() throws {
        let store = try store(World().log)
        let queries = [
            AgentView.byName, AgentView.inOrder, AgentView.found, AgentView.newest, AgentView.ofCustomer,
            AgentView.facts, AgentView.timeline, KeyView.ofPrefix, AgentMeasurements.ofAgent, AgentMeasurements.inOrder,
        ]
        try store.whileQuiet { path throws(ProjectionError) in
            let connection = try ReadConnection(path: path)
            for query in queries {
                var steps: [String] = []
                try connection.prepare("EXPLAIN QUERY PLAN " + query.sql).forEachRow([]) {
                    row throws(ProjectionError) in steps.append(row.text(3))
                }
                #expect(!steps.isEmpty)
                for step in steps {
                    // A virtual table is always "scanned"; what stands behind INDEX says that it was given the question (M)
                    // and the bound on its rows (<), and sorts nothing.
                    let isIndexed =
                        step.hasPrefix("SEARCH ") || step.contains("SUBQUERY")
                        || step.wholeMatch(of: /SCAN agent_search VIRTUAL TABLE INDEX [0-9]+:M[0-9]<.*/) != nil
                    #expect(isIndexed, "\(step) in \(query.sql)")
                    #expect(!step.contains("TEMP B-TREE"), "\(step) in \(query.sql)")
                }
            }
        }
    }

    @Test("the same log gives the same rows in batches of any size")
    func batches() throws {
        var world = World()
        let (_, key) = try world.signUp()
        for index in 0..<20 {
            try register("agent-\(index % 8)", &world, as: .key(key), tags: ["t\(index % 3)"])
            if index % 5 == 4 {
                try world.run(.deleteAgent(try #require(AgentName("agent-\(index % 8)"))), as: .key(key))
            }
        }
        let whole = try store(world.log)
        let single = try ProjectionStore(path: try #require(directory).file("single.sqlite"))
        for envelope in world.log { try single.apply([envelope]) }
        #expect(try whole.digest() == single.digest())
        #expect(try found(whole, tags: ["t1"]) == found(single, tags: ["t1"]))
    }
}
