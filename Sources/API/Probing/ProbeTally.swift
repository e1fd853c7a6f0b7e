import EventStore
import Ledger

/// What was measured of one agent and is not in the log yet.
struct ProbeTally: Sendable, Equatable {
    private(set) var probes: Int64 = 0
    private(set) var answered: Int64 = 0
    private(set) var succeeded: Int64 = 0
    private(set) var latencyMicroseconds: Int64 = 0
    private(set) var isReachable = false
    private(set) var since: Timestamp
    private(set) var status: Int64?

    /// - Parameter since: when the first probe was made.
    init(since: Timestamp) { self.since = since }

    /// Takes one more result in; one that does not count changes nothing.
    mutating func add(_ result: ProbeResult) {
        switch result {
        case .uncounted: return
        case .silent: (isReachable, status) = (false, nil)
        case .answered(let code, let latency):
            // What is no final status of HTTP is an answer of something else.
            guard (200...599).contains(code) else { return add(.silent) }
            (isReachable, status) = (code < 500, Int64(code))
            answered += isReachable ? 1 : 0
            succeeded += (200...299).contains(code) ? 1 : 0
            latencyMicroseconds += isReachable ? max(0, latency) : 0
        }
        probes += 1
    }

    /// What was counted after `self` was taken out for the log, which did not take it.
    func followed(by later: ProbeTally) -> ProbeTally {
        var sum = later
        sum.probes += probes
        sum.answered += answered
        sum.succeeded += succeeded
        sum.latencyMicroseconds += latencyMicroseconds
        sum.since = since
        return sum
    }

    var event: AgentProbed {
        AgentProbed(
            answered: answered, latencyMicroseconds: latencyMicroseconds, probes: probes, isReachable: isReachable,
            since: since, status: status, succeeded: succeeded)
    }
}
