import HTTPTypes
import Synchronization

/// What the limits said to one request, for the header fields of its answer (draft-ietf-httpapi-ratelimit-headers-10).
final class LimitReport: Sendable {
    private let verdicts = Mutex<[(policy: String, verdict: RateLimitVerdict)]>([])

    /// - Parameter policy: a short name, lower-case letters and hyphens.
    func note(_ verdict: RateLimitVerdict, of policy: String) { verdicts.withLock { $0.append((policy, verdict)) } }

    private static let policyName = HTTPField.Name("RateLimit-Policy")
    private static let limitName = HTTPField.Name("RateLimit")

    /// Adds `RateLimit-Policy` and `RateLimit`, each a list of structured items (RFC 9651), or nothing where nothing is
    /// limited. To be called once for an answer.
    func write(to fields: inout HTTPFields) {
        let verdicts = verdicts.withLock { $0 }
        guard !verdicts.isEmpty, let policyName = Self.policyName, let limitName = Self.limitName else { return }
        var policies = ""
        var limits = ""
        for (policy, verdict) in verdicts {
            if !policies.isEmpty {
                policies += ", "
                limits += ", "
            }
            policies += "\"\(policy)\";q=\(verdict.limit.requests);w=\(verdict.limit.windowSeconds)"
            limits += "\"\(policy)\";r=\(verdict.remaining);t=\(verdict.resetSeconds)"
        }
        fields.append(HTTPField(name: policyName, value: policies))
        fields.append(HTTPField(name: limitName, value: limits))
    }
}
