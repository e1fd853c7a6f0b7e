/// What each error code means and what to do about it: the one table behind the document, the page, and the links that
/// errors carry to it.
enum ErrorCatalogue {
    struct Entry: Sendable {
        let code: APIError.Code
        let meaning: String
        let remedy: String

        /// Where the page explains it, on this server.
        var link: String { "/docs#\(anchor)" }
        var anchor: String { "error-\(code.rawValue)" }
    }

    static let entries = APIError.Code.allCases.map(entry)

    static func entry(_ code: APIError.Code) -> Entry {
        let (meaning, remedy) = texts(code)
        return Entry(code: code, meaning: meaning, remedy: remedy)
    }

    private static func texts(_ code: APIError.Code) -> (meaning: String, remedy: String) {
        switch code {
        case .badRequest:
            (
                "The body, the query or the path is not what this route takes.",
                "Read `message`; `field` names the member."
            )
        case .unauthorized:
            (
                "There is no key or token, or it is not valid: mistyped, revoked, expired, or used from an address it is "
                    + "not allowed at.", "Send `Authorization: Bearer KEY` with an active key, or sign in again."
            )
        case .quotaExceeded:
            ("The plan's proofs of this month are used up.", "Wait for the 1st (UTC), or upgrade.")
        case .forbidden:
            (
                "Whoever asks is known and may not do this: a permission is missing, a test key touches live things, or "
                    + "another site's page asked.", "Use a key or a role that has the permission that `message` names."
            )
        case .notFound:
            ("It is not there, or not yours: nobody is told which.", "Check the id and the key it is asked with.")
        case .methodNotAllowed: ("The path has no such method.", "Use one of those in `Allow`.")
        case .notAcceptable: ("No answer of this route fits `Accept`.", "Send one of the types this page lists.")
        case .conflict:
            ("It does not fit what is there.", "Look at the thing's state; `message` says what stands in the way.")
        case .contentTooLarge:
            ("The body is larger than the route takes, or the workspace is full.", "Send less; the limit is listed.")
        case .unsupportedMediaType: ("The body is not JSON.", "Send `Content-Type: application/json`.")
        case .upgradeRequired: ("The path speaks WebSocket.", "Send the handshake as a connection's first request.")
        case .rateLimited:
            ("Too many requests, or too much at the same time.", "Wait as long as `Retry-After` says, in seconds.")
        case .headersTooLarge: ("The header fields are too large.", "16 KiB a field, 32 KiB and 100 fields in all.")
        case .internalError:
            ("Something went wrong in the server.", "Contact support with the `X-Request-Id` of the answer.")
        case .notSupported: ("This server is not configured for it.", "`message` says what the operator must set.")
        case .unavailable: ("It cannot be done at the moment.", "Send the same request again, later.")
        }
    }
}
