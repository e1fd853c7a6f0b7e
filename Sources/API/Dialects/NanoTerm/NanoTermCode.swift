/// The one table of NanoTerm's error codes: what each means and what to do. The answers, and the pages that they link to,
/// are made of it.
enum NanoTermCode: String, Sendable, CaseIterable {
    case validationFailed = "VALIDATION_FAILED"
    case invalidImage = "INVALID_IMAGE"
    case invalidPath = "INVALID_PATH"
    case unauthorized = "UNAUTHORIZED"
    case forbidden = "FORBIDDEN"
    case notFound = "NOT_FOUND"
    case workspaceNotFound = "WORKSPACE_NOT_FOUND"
    case methodNotAllowed = "METHOD_NOT_ALLOWED"
    case notAcceptable = "NOT_ACCEPTABLE"
    case conflict = "CONFLICT"
    case payloadTooLarge = "PAYLOAD_TOO_LARGE"
    case unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
    case clientTooOld = "CLI_VERSION_TOO_OLD"
    case upgradeRequired = "UPGRADE_REQUIRED"
    case rateLimited = "RATE_LIMITED"
    case quotaExceeded = "QUOTA_EXCEEDED"
    case computeQuotaExceeded = "COMPUTE_QUOTA_EXCEEDED"
    case memberQuotaExceeded = "MEMBER_QUOTA_EXCEEDED"
    case storageQuotaExceeded = "STORAGE_QUOTA_EXCEEDED"
    case headersTooLarge = "HEADERS_TOO_LARGE"
    case internalError = "INTERNAL_ERROR"
    case notSupported = "NOT_SUPPORTED"
    case portUnreachable = "PORT_UNREACHABLE"
    case runtimeUnavailable = "RUNTIME_UNAVAILABLE"

    /// One row of the table.
    struct Row: Sendable {
        let status: Int
        let meaning: String
        /// What to do next, where the request itself says nothing more exact.
        let action: String
        /// Whether the same request might succeed later.
        let isRetryable: Bool

        init(_ status: Int, _ meaning: String, _ action: String, retryable: Bool = false) {
            self.status = status
            self.meaning = meaning
            self.action = action
            isRetryable = retryable
        }
    }

    var row: Row { Self.rows[self] ?? Self.unknown }

    /// Where this server explains the code.
    var page: String { NanoTermDocs.path + "/" + rawValue }

    private static let unknown = Row(500, "Unhandled server error.", "Retry after a short backoff.", retryable: true)

    // One row a line is easier to read and to compare with the page than a chain of cases.
    private static let rows: [NanoTermCode: Row] = [
        .validationFailed: Row(
            400, "Request body failed validation.", "Correct the request; the message names what is wrong."),
        .invalidImage: Row(
            400, "The image is not one that this server offers.", "Choose one of the images of GET /api/info."),
        .invalidPath: Row(
            400, "The path leaves the workspace, passes a link, or is no file.",
            "Send a path inside the workspace, without `..` and links."),
        .unauthorized: Row(
            401, "Missing or invalid Authorization header.",
            "Send `Authorization: Bearer nt_…` with an active key."),
        .forbidden: Row(
            403, "Authenticated, but your key/role lacks the required permission.",
            "Use a key with a higher permission level."),
        .notFound: Row(
            404, "Resource doesn't exist or belongs to another org.", "Check the id and the path."),
        .workspaceNotFound: Row(
            404, "The workspace doesn't exist, is deleted, or belongs to another org.",
            "Check the ID or list workspaces with GET /api/workspaces."),
        .methodNotAllowed: Row(
            405, "The path does not have this method.", "Use one of the methods in the `Allow` header."),
        .notAcceptable: Row(
            406, "No form of the answer fits the `Accept` header.", "Send an `Accept` that allows the answer's type."),
        .conflict: Row(
            409, "Unique constraint hit, or the resource is not in a state for this.",
            "Choose another name, or look at the resource again."),
        .payloadTooLarge: Row(413, "The body is larger than the route takes.", "Send less, or in parts."),
        .unsupportedMediaType: Row(
            415, "The body is not of a type that the route takes.", "Send the body as `Content-Type: application/json`."
        ),
        .clientTooOld: Row(
            426, "The official CLI must be upgraded — the server has raised the minimum version.",
            "Run: npm install -g @nanoterm/cli@latest"),
        .upgradeRequired: Row(
            426, "The path speaks WebSocket.", "Send a WebSocket handshake (RFC 6455) as a connection's first request."),
        .rateLimited: Row(
            429, "Plan rate limit exceeded.", "Wait as long as `Retry-After` says, or upgrade the plan.",
            retryable: true),
        .quotaExceeded: Row(
            429, "Workspace-count quota hit.", "Delete a workspace, or upgrade the plan.", retryable: true),
        .computeQuotaExceeded: Row(
            429, "Monthly compute-hours budget exhausted.", "Wait for the 1st (UTC), or upgrade the plan.",
            retryable: true),
        .memberQuotaExceeded: Row(
            429, "Plan's member cap reached (Free 1 / Developer 5 / Team 10 / Enterprise ∞).",
            "Remove a member or an open invitation, or upgrade the plan."),
        .storageQuotaExceeded: Row(
            429, "Snapshot/storage budget exhausted.", "Delete files, or upgrade the plan."),
        .headersTooLarge: Row(431, "The header fields are too large.", "Send fewer or shorter header fields."),
        .internalError: Row(
            500, "Unhandled server error.", "Retry after a short backoff; name the X-Request-Id to support.",
            retryable: true),
        .notSupported: Row(
            501, "Feature isn't available on the current runtime.",
            "Leave the feature out; GET /api/info lists what there is."),
        .portUnreachable: Row(
            502, "Nothing in the workspace answers on that port.",
            "Start a server on that port inside the workspace, then try again.", retryable: true),
        .runtimeUnavailable: Row(
            503, "Container runtime temporarily unreachable.", "Try again in a few seconds.", retryable: true),
    ]
}
