import EventStore

/// What happened in a campaign, by kind.
public struct CampaignCounts: Sendable, Codable {
    public internal(set) var seeds = 0
    var openings = 0
    var openingsRefused = 0
    public internal(set) var commits = 0
    public internal(set) var eventsAcknowledged = 0
    var unacknowledgedKept = 0
    var reads = 0
    var checkpoints = 0
    var checkpointsFailed = 0
    public internal(set) var recompressions = 0
    var recompressionsFailed = 0
    var processDeaths = 0
    public internal(set) var powerCuts = 0
    public internal(set) var bitFlips = 0
    var bitFlipsRefused = 0
    var bitFlipsHarmless = 0
    var faults: [FiredFault: Int] = [:]
    public internal(set) var violations: [Violation] = []

    /// Faults that happened, of every kind, crashes without a fault and flipped bits not counted.
    public var faultsFired: Int { faults.values.reduce(0, +) }

    mutating func note(_ fired: [FiredFault]) {
        for fault in fired { faults[fault, default: 0] += 1 }
    }

    mutating func add(_ other: CampaignCounts) {
        seeds += other.seeds
        openings += other.openings
        openingsRefused += other.openingsRefused
        commits += other.commits
        eventsAcknowledged += other.eventsAcknowledged
        unacknowledgedKept += other.unacknowledgedKept
        reads += other.reads
        checkpoints += other.checkpoints
        checkpointsFailed += other.checkpointsFailed
        recompressions += other.recompressions
        recompressionsFailed += other.recompressionsFailed
        processDeaths += other.processDeaths
        powerCuts += other.powerCuts
        bitFlips += other.bitFlips
        bitFlipsRefused += other.bitFlipsRefused
        bitFlipsHarmless += other.bitFlipsHarmless
        faults.merge(other.faults, uniquingKeysWith: +)
        violations += other.violations
    }
}

extension CampaignCounts {
    /// The counts as lines for people.
    public var text: String {
        var lines = [
            "seeds                  \(seeds)",
            "openings               \(openings), of which faults refused \(openingsRefused)",
            "commits                \(commits), events acknowledged \(eventsAcknowledged)",
            "checkpoints            \(checkpoints), failed by faults \(checkpointsFailed)",
            "segments recompressed  \(recompressions), failed by faults \(recompressionsFailed)",
            "reads of an open log   \(reads)",
            "ends                   \(processDeaths) by process death, \(powerCuts) by power cut",
            "bits flipped           \(bitFlips): refused with their place \(bitFlipsRefused), harmless \(bitFlipsHarmless)",
            "unacknowledged, kept   \(unacknowledgedKept) events, in whole batches",
            "faults                 \(faultsFired)",
        ]
        let names = Set(faults.keys.map(\.fault.name)).sorted()
        for operation in FileError.Operation.kinds {
            let cells = names.map { name in
                let count = faults.reduce(0) {
                    $0 + ($1.key.operation == operation && $1.key.fault.name == name ? $1.value : 0)
                }
                return "\(name) \(count)"
            }
            let label = operation.rawValue
            let space = String(repeating: " ", count: max(1, 21 - label.count))
            lines.append("  \(label)\(space)" + cells.joined(separator: ", "))
        }
        for kind in [Violation.Kind.lost, .invented, .refused, .silent] {
            lines.append("\(kind.rawValue): \(violations.count { $0.kind == kind })")
        }
        lines += violations.prefix(20).map { "\($0)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
