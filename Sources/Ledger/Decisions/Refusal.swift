import Proofs
/// A command that the rules do not allow, and what to do about it.
///
/// ```swift
/// catch { respond(status(of: error.code), message: error.message) }
/// ```
public struct Refusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of refusal; stable. Each dialect gives it its own status and name.
    public enum Code: String, Sendable, CaseIterable {
        /// The request itself is wrong; ``Refusal/field`` says where.
        case badRequest = "bad_request"
        /// The key that acts is unknown, revoked or expired.
        case unauthorized
        /// The key that acts may not do this.
        case forbidden
        /// It does not exist, or is somebody else's: nobody is told which.
        case notFound = "not_found"
        /// It does not fit what is already there.
        case conflict
        /// The plan's amount for this billing cycle is used up.
        case quotaExceeded = "quota_exceeded"
        /// Too much at the same time; the same request can succeed later.
        case rateLimited = "rate_limited"
        /// The plan's number of things that may exist is reached.
        case limitReached = "limit_reached"
        /// The rules would have written an event that they do not accept: a defect of this program.
        case inconsistent
    }

    /// Something that a plan has so much of.
    public enum Amount: String, Sendable, CaseIterable {
        case sessions, proofs, keys, members, requests, backups
        case computeHours = "compute_hours"
    }

    public let code: Code
    /// One or two sentences: what is wrong and what to do.
    public let message: String
    /// Path of the member that is wrong, for example `ttl_seconds`.
    public let field: String?
    /// What of the plan is used up, when that is why.
    public let exhausted: Amount?
    /// Seconds after which the same can be allowed, where that is known.
    public let retryAfterSeconds: Int64?

    public init(
        _ code: Code, _ message: String, field: String? = nil, exhausted: Amount? = nil,
        retryAfterSeconds: Int64? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.exhausted = exhausted
        self.retryAfterSeconds = retryAfterSeconds
    }

    public var description: String { "\(code.rawValue): \(message)" }
}

extension Refusal {
    static let unauthorized = Refusal(.unauthorized, "The API key is invalid, revoked or expired. Use an active key.")
    static let sessionNotFound = Refusal(.notFound, "Session not found. Check the id and the key it is asked with.")
    static let keyNotFound = Refusal(.notFound, "API key not found. Check the id.")
    static let customerNotFound = Refusal(.notFound, "Customer not found. Check the id.")

    static func sessionEnded(_ status: SessionStatus) -> Refusal {
        Refusal(.conflict, "The session is \(status.rawValue). Create a new session.")
    }

    static let sessionExecuting = Refusal(
        .conflict, "Another command is running in this session. Wait for it to end, or use another session.")
    static let sessionEnding = Refusal(.conflict, "The session is being destroyed. Create a new session.")

    static func proofsExceeded(_ tier: Tier, limit: Int) -> Refusal {
        Refusal(
            .quotaExceeded,
            "\(tier.rawValue.capitalizedASCII) tier limit of \(limit) CDPs/month exceeded. Upgrade to continue.",
            exhausted: .proofs)
    }

    static func computeExceeded(_ tier: Tier, hours: Int, retryAfterSeconds: Int64) -> Refusal {
        Refusal(
            .quotaExceeded,
            "\(tier.rawValue.capitalizedASCII) tier limit of \(hours) compute hours/month exceeded. "
                + "Wait for the 1st (UTC) or upgrade.", exhausted: .computeHours, retryAfterSeconds: retryAfterSeconds)
    }

    static func sessionsExceeded(_ tier: Tier, limit: Int) -> Refusal {
        Refusal(
            .rateLimited,
            "\(tier.rawValue.capitalizedASCII) tier limit of \(limit) concurrent sessions reached. "
                + "Destroy a session or upgrade.", exhausted: .sessions)
    }

    static func keysExceeded(limit: Int, prefix: KeyPrefix) -> Refusal {
        Refusal(
            .limitReached,
            "The limit of \(limit) active API keys with the prefix \(prefix.rawValue) is reached. Revoke a key or upgrade.",
            exhausted: .keys)
    }

    static func requestsExceeded(limit: Int64) -> Refusal {
        Refusal(
            .rateLimited,
            "The limit of \(limit) requests a month for this API key is reached. Wait for the 1st (UTC) or raise the limit.",
            exhausted: .requests)
    }

    static let permissionsBeyondOwn = Refusal(
        .forbidden, "Nobody can give permissions that they do not have. Ask with a key, or as a member, that has them.",
        field: "permissions")
}

extension String {
    /// The first letter in upper case, for names of tiers.
    fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
