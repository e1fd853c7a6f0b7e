import Ledger

/// A request that was not done, in words that every dialect can render.
public struct APIError: Error, Sendable, Equatable {
    /// What kind of failure it is; stable. The native names are those of the API reference.
    public enum Code: String, Sendable, CaseIterable {
        case badRequest = "BadRequest"
        case unauthorized = "Unauthorized"
        case quotaExceeded = "QuotaExceeded"
        case forbidden = "Forbidden"
        case notFound = "NotFound"
        case methodNotAllowed = "MethodNotAllowed"
        case notAcceptable = "NotAcceptable"
        case conflict = "Conflict"
        case contentTooLarge = "ContentTooLarge"
        case unsupportedMediaType = "UnsupportedMediaType"
        case upgradeRequired = "UpgradeRequired"
        case rateLimited = "RateLimited"
        case headersTooLarge = "RequestHeaderFieldsTooLarge"
        case internalError = "InternalError"
        case notSupported = "NotSupported"
        case unavailable = "Unavailable"

        /// The HTTP status code.
        public var status: Int {
            switch self {
            case .badRequest: 400
            case .unauthorized: 401
            case .quotaExceeded: 402
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .notAcceptable: 406
            case .conflict: 409
            case .contentTooLarge: 413
            case .unsupportedMediaType: 415
            case .upgradeRequired: 426
            case .rateLimited: 429
            case .headersTooLarge: 431
            case .internalError: 500
            case .notSupported: 501
            case .unavailable: 503
            }
        }
    }

    public let code: Code
    /// One or two sentences: what is wrong and what to do.
    public let message: String
    /// Path of the member of the body that is wrong.
    public let field: String?
    /// Which of several reasons it was, machine-readable, where that helps the caller and no attacker.
    public var reason: String?
    /// Which limit was reached, for the operator's metrics.
    var limit: ReachedLimit?
    /// Whole seconds after which the same request can succeed.
    public var retryAfterSeconds: Int?
    /// The rule of the ledger that said no; dialects tell some of them apart that the native one does not.
    var refusal: Refusal.Code?
    /// What of the plan is used up, when that is why.
    var exhausted: Refusal.Amount?
    /// The permissions that whoever asked lacks, when that is why.
    var missing: Permissions?
    /// Methods that the path has, for 405.
    public var allowedMethods: [String] = []

    public init(
        _ code: Code, _ message: String, field: String? = nil, reason: String? = nil, retryAfterSeconds: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.field = field
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension APIError {
    /// A rule of the ledger said no.
    init(_ refusal: Refusal) {
        let code: Code =
            switch refusal.code {
            case .badRequest: .badRequest
            case .unauthorized: .unauthorized
            case .forbidden: .forbidden
            case .notFound: .notFound
            case .conflict, .limitReached: .conflict
            case .quotaExceeded: .quotaExceeded
            case .rateLimited: .rateLimited
            case .inconsistent: .internalError
            }
        self.init(
            code, refusal.message, field: refusal.field,
            retryAfterSeconds: refusal.retryAfterSeconds.map { Int(clamping: $0) }
                ?? (refusal.code == .rateLimited ? 1 : nil))
        self.refusal = refusal.code
        exhausted = refusal.exhausted
        limit =
            switch refusal.code {
            case .rateLimited: .plan
            case .quotaExceeded: .quota
            case .limitReached: .count
            default: nil
            }
    }

    static let unauthorized = APIError(
        .unauthorized, "Missing or invalid API key. Send `Authorization: Bearer nrx_live_…` with an active key.")
    /// Whoever asked may do less than the route needs.
    static func lacking(_ missing: Permissions, _ noun: String) -> APIError {
        var error = APIError(
            .forbidden,
            "This \(noun) lacks the permission \(missing.names.joined(separator: ", ")). Use a key that has it.")
        error.missing = missing
        return error
    }

    static let routeNotFound = APIError(.notFound, "There is no such route. See the API reference for the paths.")
    static let internalError = APIError(
        .internalError, "Something went wrong in the server. Contact support with the X-Request-Id of this answer.")
    static let stopping = APIError(
        .unavailable, "The server is stopping. Try again in a moment.", retryAfterSeconds: 5)
}
