import Synchronization

/// What the limits said to one request, for the header fields of its answer (draft-ietf-httpapi-ratelimit-headers-10).
final class LimitReport: Sendable {
    private let verdicts = Mutex<[(policy: String, verdict: RateLimitVerdict)]>([])

    /// - Parameter policy: a short name, lower-case letters and hyphens.
    func note(_ verdict: RateLimitVerdict, of policy: String) { verdicts.withLock { $0.append((policy, verdict)) } }

    /// `RateLimit-Policy` and `RateLimit`, each a list of structured items (RFC 9651), or nothing where nothing is limited.
    var fields: [(name: String, value: String)] {
        let verdicts = verdicts.withLock { $0 }
        guard !verdicts.isEmpty else { return [] }
        let policies = verdicts.map {
            "\"\($0.policy)\";q=\($0.verdict.limit.requests);w=\($0.verdict.limit.windowSeconds)"
        }
        let limits = verdicts.map { "\"\($0.policy)\";r=\($0.verdict.remaining);t=\($0.verdict.resetSeconds)" }
        return [
            ("RateLimit-Policy", policies.joined(separator: ", ")), ("RateLimit", limits.joined(separator: ", ")),
        ]
    }
}
