import EventStore
import Foundation
import Ledger
import Merkle
import Projections
import Proofs

/// The registry of agents at its full size: how long reads of it take that nobody can foresee.
enum AgentsBenchmark {
    private static let words = [
        "weather", "translate", "search", "invoice", "calendar", "vision", "speech", "code", "legal", "health",
    ]
    private static let millisecondsMax = 20.0

    /// - Parameter agents: how many are registered.
    static func rows(in directory: String, agents: Int, questions: Int) throws -> [Table.Row] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let store = try ProjectionStore(path: directory + "/projections.sqlite")
        try fill(store, agents: agents)
        var rows: [Table.Row] = []
        rows.append(
            try row("search \(agents) agents", questions) { index in
                let word = words[index % words.count]
                switch index % 6 {
                case 0: _ = try store.searchAgents(text: word, capabilities: [], tags: [], limit: 20)
                case 1: _ = try store.searchAgents(text: "\(word.prefix(4))*", capabilities: [], tags: [], limit: 20)
                case 2: _ = try store.searchAgents(text: "agent", capabilities: [word], tags: ["eu"], limit: 20)
                case 3: _ = try store.searchAgents(text: "", capabilities: [], tags: ["tag-\(index % 997)"], limit: 20)
                case 4: _ = try store.searchAgents(text: "agent \(index)", capabilities: [], tags: [], limit: 20)
                default: _ = try store.searchAgents(text: "nowhere", capabilities: [word], tags: [], limit: 20)
                }
            })
        rows.append(
            try row("list 100 of \(agents) agents", questions) { index in
                _ = try store.agents(after: AgentName("agent-\(index * 7_919 % agents)"), limit: 100)
            })
        try store.close()
        return rows
    }

    private static func row(_ what: String, _ questions: Int, _ ask: (Int) throws -> Void) throws -> Table.Row {
        let clock = ContinuousClock()
        var times: [Double] = []
        for index in 0..<questions {
            let time = try clock.measure { try ask(index) }
            times.append(Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3)
        }
        times.sort()
        let (p50, p99) = (times[times.count / 2], times[times.count * 99 / 100])
        return Table.Row(
            name: what, ours: String(format: "p50 %.2f ms, p99 %.2f ms", p50, p99), peer: "what is promised",
            theirs: String(format: "p99 %.0f ms", millisecondsMax), ratio: p99 / millisecondsMax, target: .atMost(1))
    }

    private static func fill(_ store: ProjectionStore, agents: Int) throws {
        var generator = SystemRandomNumberGenerator()
        var state = State()
        let now = SystemClock.now()
        let created = LogCreated(format: 1, origin: "localhost/bench", verifierKey: "none")
        let first = Envelope(
            sequence: 0,
            event: EventDraft(
                id: EventID(using: &generator).text, at: now, actor: "system", stream: "log", trace: "bench",
                type: LogCreated.type, version: LogCreated.version, content: created))
        try state.apply(first)
        var batch = [first]
        let key = NewKey(
            id: KeyID(using: &generator), name: "bench", prefix: .nanda, display: "nanda_a1b2",
            secretSHA256: Hash(of: [1]), permissions: .full)
        let signUp = SignUp(
            customerID: CustomerID(using: &generator), eventID: EventID(using: &generator), sealedEmail: "c2VhbGVk",
            tier: .enterprise, key: key)
        let context = DecisionContext(at: now, actor: .system, trace: "bench")
        batch += try state.admit(.signUp(signUp), in: context, using: &generator)
        let owner = DecisionContext(at: now, actor: .key(key.id), trace: "bench")
        for index in 0..<agents {
            guard let name = AgentName("agent-\(index)") else { throw BenchmarkError("no name") }
            let word = words[index % words.count]
            let profile = AgentProfile(
                url: "https://agent-\(index).example.com/\(word)",
                capabilities: [word, words[index / 10 % words.count]]
                    .reduce(into: []) { if !$0.contains($1) { $0.append($1) } },
                tags: [index.isMultiple(of: 2) ? "eu" : "us", "tag-\(index % 997)"])
            batch += try state.admit(
                .registerAgent(RegisterAgent(agentID: AgentID(using: &generator), name: name, profile: profile)),
                in: owner, using: &generator)
            if batch.count >= 1_000 {
                try store.apply(batch)
                batch = []
            }
        }
        try store.apply(batch)
    }
}
