import CanonicalJSON
import EventStore
import Ledger
import Projections

/// NANDA's score of an agent, `0.4·availability + 0.4·probe success + 0.2·certification − 0.1·fraud rate`, of what this node
/// measures. It measures the first two; the others are `null` and have no weight, so the score is the weighted mean of the two.
struct AgentReputation: Sendable {
    /// Whether this node measures at all (`--probe-agents`).
    let isMeasuring: Bool

    private static let availabilityWeight = 0.4
    private static let successWeight = 0.4

    /// Without a single measurement there is no score, and the answer says why.
    func body(of measured: AgentMeasurements) -> JSONValue {
        guard measured.probes > 0, let last = measured.last else {
            return [
                "agent_id": .string(measured.name.text), "reputation": .null, "measurements": 0,
                "reason": .string(isMeasuring ? Self.notYet : Self.notAtAll),
            ]
        }
        let availability = Double(measured.answered) / Double(measured.probes)
        let success = Double(measured.succeeded) / Double(measured.probes)
        let score =
            (Self.availabilityWeight * availability + Self.successWeight * success)
            / (Self.availabilityWeight + Self.successWeight)
        let latency =
            measured.answered > 0
            ? JSONValue.double(Self.rounded(Double(measured.latencyMicroseconds) / Double(measured.answered) / 1_000))
            : .null
        return [
            "agent_id": .string(measured.name.text), "reputation": .double(Self.rounded(min(max(score, 0), 1))),
            "availability": .double(Self.rounded(availability)), "probe_success": .double(Self.rounded(success)),
            "certification": .null, "fraud_rate": .null, "latency_ms": latency,
            "measurements": .integer(measured.probes), "window_days": .integer(Int64(AgentMeasurements.windowDays)),
            "last_probe": [
                "recorded_at": .string(last.at.secondsText), "reachable": .bool(last.isReachable),
                "status": last.status.map { .integer($0) } ?? .null,
            ],
        ]
    }

    private static let notAtAll =
        "This node does not measure agents (--probe-agents): without probes there is no score."
    private static let notYet =
        "This node has not measured this agent yet, or may not: only agents that are alive, at public addresses, are probed."

    /// To four digits behind the point.
    private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}
