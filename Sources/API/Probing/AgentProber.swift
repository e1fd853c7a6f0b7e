import EventStore
import Ledger
import Logging
import Projections
import Synchronization

/// Asks every agent that its owner calls alive, again and again, whether it answers; what it measures is what reputation is made
/// of. Results are added up in memory and recorded as ``AgentProbed``, seldom: when an agent comes or goes, once a day, and at
/// a stop.
final class AgentProber: Sendable {
    /// How often and how many: `--probe-agents`.
    static let intervalSecondsRange = 60...86_400
    /// Probes at the same time.
    static let probesAtOnce = 8
    /// Agents that are read at once.
    private static let pageAgents = 200
    private static let trace = "probe"
    /// Events that wait for the disk together at a stop.
    private static let recordsAtOnce = 256

    /// What health says.
    struct Status: Sendable, Equatable {
        /// When the last probe that counted was made; nil before it.
        var lastProbeAt: Timestamp?
        /// Agents that were measured in the last whole round, and those of them that answered.
        var agents = 0
        var reachable = 0
    }

    private struct State {
        var tallies: [AgentID: ProbeTally] = [:]
        var status = Status()
        /// Of the round that goes on.
        var counted = 0
        var reachable = 0
        /// Agents of that round; the tallies of others are of agents that are gone.
        var seen: Set<AgentID> = []
    }

    let intervalSeconds: Int
    private let ledger: LedgerService
    private let reads: ReadModel
    private let client: ProbeClient
    private let logger: Logger
    private let state = Mutex(State())

    init(
        intervalSeconds: Int, allowsPrivate: Bool, ledger: LedgerService, reads: ReadModel, logger: Logger
    ) {
        self.intervalSeconds = intervalSeconds
        self.ledger = ledger
        self.reads = reads
        self.logger = logger
        client = ProbeClient(lookUpsAtOnce: Self.probesAtOnce) { (url) throws(ProbeTarget.Problem) in
            try ProbeTarget(url: url, allowsPrivate: allowsPrivate)
        }
    }

    var status: Status { state.withLock { $0.status } }

    /// Rounds, one ``intervalSeconds`` after the other began, until the task is cancelled. A round that takes longer is followed
    /// by the next at once.
    func run() async {
        let clock = ContinuousClock()
        while !Task.isCancelled {
            let next = clock.now.advanced(by: .seconds(intervalSeconds))
            await round()
            do { try await clock.sleep(until: next) } catch { return }
        }
    }

    /// Asks every agent once.
    func round() async {
        state.withLock { ($0.counted, $0.reachable, $0.seen) = (0, 0, []) }
        var after: AgentName?
        while !Task.isCancelled {
            let page: Page<AgentView>
            do throws(APIError) {
                page = try reads.reading { () throws(ProjectionError) in
                    try reads.store.agents(after: after, limit: Self.pageAgents)
                }
            } catch {
                return logger.warning("agents were not probed", metadata: ["error": .string(error.message)])
            }
            await probe(page.rows.filter(\.isAlive))
            after = page.rows.last?.name
            guard page.hasMore else { return endRound() }
        }
    }

    private func endRound() {
        state.withLock { state in
            state.status.agents = state.counted
            state.status.reachable = state.reachable
            state.tallies = state.tallies.filter { state.seen.contains($0.key) }
        }
    }

    private func probe(_ agents: [AgentView]) async {
        await withTaskGroup(of: Void.self) { group in
            var waiting = agents.makeIterator()
            for _ in 0..<Self.probesAtOnce {
                guard let agent = waiting.next() else { break }
                group.addTask { await self.probe(agent) }
            }
            while await group.next() != nil {
                guard !Task.isCancelled, let agent = waiting.next() else { continue }
                group.addTask { await self.probe(agent) }
            }
        }
    }

    private func probe(_ agent: AgentView) async {
        let time = ledger.now()
        let result = await client.probe(agent.profile.url)
        if case .uncounted(let reason) = result {
            return logger.debug(
                "a probe does not count",
                metadata: ["agent": .string(agent.id.text), "reason": .string(reason)])
        }
        let isReachable = state.withLock { state in
            var tally = state.tallies[agent.id] ?? ProbeTally(since: time)
            tally.add(result)
            state.tallies[agent.id] = tally
            state.status.lastProbeAt = time
            state.seen.insert(agent.id)
            state.counted += 1
            state.reachable += tally.isReachable ? 1 : 0
            return tally.isReachable
        }
        let now = ledger.now()
        let isDue = ledger.read { state in
            state.agent(agent.id).map { $0.takesProbes(at: now) && $0.needsProbes(isReachable: isReachable, at: now) }
        }
        if isDue == true { await record(agent.id) }
    }

    /// At a stop: records what the ledger takes, so that frequent restarts lose little.
    func finish() async {
        let now = ledger.now()
        var waiting = state.withLock { Array($0.tallies.keys) }.makeIterator()
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            while let id = waiting.next() {
                guard ledger.read({ $0.agent(id)?.takesProbes(at: now) }) == true else { continue }
                if running == Self.recordsAtOnce { await group.next() } else { running += 1 }
                group.addTask { await self.record(id) }
            }
        }
    }

    /// Moves what was added up of an agent into the log. What the log does not take is kept for the next time.
    private func record(_ id: AgentID) async {
        guard let tally = state.withLock({ $0.tallies.removeValue(forKey: id) }) else { return }
        let command = RecordAgentProbes(agentID: id, probes: tally.event)
        do throws(APIError) {
            _ = try await ledger.perform(.recordAgentProbes(command), as: .system, trace: Self.trace)
        } catch {
            guard error.code != .notFound else { return }
            state.withLock { $0.tallies[id] = $0.tallies[id].map(tally.followed(by:)) ?? tally }
            logger.warning(
                "what was measured of an agent was not recorded",
                metadata: ["agent": .string(id.text), "error": .string(error.message)])
        }
    }
}
