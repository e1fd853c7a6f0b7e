import EventStore
import Ledger

/// What the server counts and times, for its operator. No label holds an id, an address or anything else of a customer's.
///
/// Everything that is counted exists from the start: counting is an atomic addition or two, and no lock.
struct ServerMetrics: Sendable {
    /// A session's end, as an operator counts it.
    enum SessionEnd: Hashable, Sendable, CaseIterable {
        case proven
        case unclean(UncleanReason)

        static var allCases: [SessionEnd] { [.proven] + UncleanReason.allCases.map { .unclean($0) } }

        var label: String {
            switch self {
            case .proven: "proven"
            case .unclean(let reason): reason.rawValue
            }
        }
    }

    let requests = RequestMetrics()
    private let limits = Dictionary(uniqueKeysWithValues: ReachedLimit.allCases.map { ($0, Count()) })
    private let ends = Dictionary(uniqueKeysWithValues: SessionEnd.allCases.map { ($0, Count()) })
    private let batchEvents = Histogram(.numbers([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]))
    private let syncs = Histogram(
        .seconds([0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]))
    private let logBytes = Count()
    private let destructions = Histogram(
        .seconds([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]))

    /// A request was refused because of a limit.
    func reached(_ limit: ReachedLimit) { limits[limit]?.add() }

    /// The log made a batch durable.
    func committed(_ commit: CommitMeasurement) {
        batchEvents.record(UInt64(commit.events))
        syncs.record(commit.duration)
        logBytes.add(UInt64(commit.bytes))
    }

    /// A session ended, and its end is in the log.
    func ended(_ end: SessionEnd) { ends[end]?.add() }

    /// The destruction of a session is over, whatever came of it.
    func destructionTook(_ duration: Duration) { destructions.record(duration) }

    /// Everything in the text format of Prometheus.
    ///
    /// - Parameter gauges: what is not counted but looked at.
    func text(_ gauges: MetricGauges) -> String {
        var text = PrometheusText()
        writeRequests(to: &text)
        text.begin(.limitsReached)
        for limit in ReachedLimit.allCases {
            text.number(limits[limit]?.value ?? 0, of: .limitsReached, [("limit", limit.rawValue)])
        }
        writeLog(to: &text)
        text.begin(.sessionsEnded)
        for end in SessionEnd.allCases {
            text.number(ends[end]?.value ?? 0, of: .sessionsEnded, [("result", end.label)])
        }
        text.begin(.destructionDuration)
        text.histogram(destructions, of: .destructionDuration)
        gauges.write(to: &text)
        return text.text
    }

    private func writeRequests(to text: inout PrometheusText) {
        let series = requests.series
        text.begin(.requests)
        for series in series {
            for (status, count) in series.counts {
                text.number(
                    count, of: .requests, [("method", series.method), ("route", series.route), ("status", status)])
            }
        }
        text.begin(.requestDuration)
        for series in series {
            text.histogram(
                series.duration, of: .requestDuration, [("method", series.method), ("route", series.route)])
        }
    }

    private func writeLog(to text: inout PrometheusText) {
        text.begin(.batchEvents)
        text.histogram(batchEvents, of: .batchEvents)
        text.begin(.syncDuration)
        text.histogram(syncs, of: .syncDuration)
        text.begin(.logBytes)
        text.number(logBytes.value, of: .logBytes)
    }
}

extension PrometheusText {
    fileprivate mutating func number(_ value: UInt64, of family: MetricFamily, _ labels: [(String, String)] = []) {
        number(Double(value), of: family, labels)
    }
}

/// A limit that refuses requests, as the operator's metrics name it.
enum ReachedLimit: String, Sendable, CaseIterable {
    /// Requests a minute of a client address: over all, and on routes that cost more or let somebody guess.
    case address
    case addressSignUp = "address-signup"
    case addressVerify = "address-verify"
    case addressSignIn = "address-sign-in"
    /// Requests a minute of an API key.
    case key
    /// Requests a month, sessions and commands of a plan, and how many of something an account may have.
    case plan, quota, count
}
