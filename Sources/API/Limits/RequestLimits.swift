import Ledger

/// Requests a minute: for each API key what its customer's plan and its prefix say, for each client address what the
/// route says (docs/api.md, "Limits").
///
/// Kept in memory: a restart forgets at most the last minute. What must outlive one, months and quotas, is in the ledger.
final class RequestLimits: Sendable {
    /// A limit for every client address; IPv6 by its /64, which one customer of a provider has whole.
    enum AddressRule: String, Sendable, CaseIterable {
        /// Whatever is asked for.
        case overall = "address"
        case signUp = "address-signup"
        case verify = "address-verify"
        case signIn = "address-sign-in"

        var reached: ReachedLimit {
            switch self {
            case .overall: .address
            case .signUp: .addressSignUp
            case .verify: .addressVerify
            case .signIn: .addressSignIn
            }
        }

        var limit: RateLimit {
            switch self {
            case .overall: .perMinute(1_000)
            case .signUp: .perMinute(10)
            case .verify: .perMinute(60)
            case .signIn: .perMinute(5)
            }
        }
    }

    private struct AddressAndRule: Hashable {
        let network: InternetAddress
        let rule: AddressRule
    }

    /// The policy's name in the `RateLimit` fields.
    static let keyPolicy = "key"
    /// Keys are made by customers, who are limited themselves: room for many, so that none has to share.
    private static let keysMax = 1 << 20

    private let addresses: RateLimiter<AddressAndRule>?
    private let keys: RateLimiter<KeyID>

    /// - Parameters:
    ///   - limitsAddresses: off behind a proxy that limits by itself, or under a load test.
    ///   - uptime: microseconds of a clock that does not follow the wall clock.
    init(limitsAddresses: Bool, uptime: @escaping @Sendable () -> Int64) {
        addresses = limitsAddresses ? RateLimiter(now: uptime) : nil
        keys = RateLimiter(callersMax: Self.keysMax, now: uptime)
    }

    /// Counts a request of `address`; one whose address is unknown (a Unix socket) is not limited.
    ///
    /// - Throws: `rateLimited` with the seconds to wait.
    func admit(_ address: InternetAddress?, _ rule: AddressRule, report: LimitReport) throws(APIError) {
        guard let addresses, let address else { return }
        let verdict = addresses.admit(AddressAndRule(network: address.network, rule: rule), under: rule.limit)
        report.note(verdict, of: rule.rawValue)
        guard verdict.isAllowed else {
            throw APIError(rateLimited: verdict, by: rule.reached, "from this address", advice: "Slow down.")
        }
    }

    /// Counts a request made with `key`, if its plan has a limit for its prefix.
    ///
    /// - Throws: `rateLimited` with the seconds to wait.
    func admit(_ key: KeyID, requestsPerMinute: Int?, report: LimitReport) throws(APIError) {
        guard let requestsPerMinute else { return }
        let verdict = keys.admit(key, under: .perMinute(requestsPerMinute))
        report.note(verdict, of: Self.keyPolicy)
        guard verdict.isAllowed else {
            throw APIError(
                rateLimited: verdict, by: .key, "with this API key", advice: "Slow down or upgrade.")
        }
    }
}

extension APIError {
    fileprivate init(rateLimited verdict: RateLimitVerdict, by limit: ReachedLimit, _ what: String, advice: String) {
        let seconds = verdict.retryAfterSeconds
        self.init(
            .rateLimited,
            "The limit of \(verdict.limit.requests) requests a minute \(what) is reached. \(advice) "
                + "Retry after \(seconds) second\(seconds == 1 ? "" : "s").",
            retryAfterSeconds: seconds)
        self.limit = limit
    }
}
