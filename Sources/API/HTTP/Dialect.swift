import CanonicalJSON

/// A way to speak to the one system: which paths are its own, and how its errors look. Its routes map names, those of ids,
/// plans and members, to commands and reads. Rules are never here; they are decided once, in the ledger.
///
/// To add one: CONTRIBUTING.md, "How to add a dialect".
struct Dialect: Sendable {
    let name: String
    /// Where its routes are: each stands for itself and everything beneath. Empty for the dialect of all other paths.
    let paths: [String]
    /// The status of an error answer.
    let status: @Sendable (APIError) -> Int
    /// The body of an error answer.
    let errorBody: @Sendable (APIError) -> JSONValue
    /// Refuses every request of clients that it no longer speaks with: by `X-Client-Name` and `X-Client-Version`. Nil where
    /// all are welcome.
    let admit: (@Sendable (_ clientName: String?, _ clientVersion: String?) throws(APIError) -> Void)?

    init(
        name: String, paths: [String] = [], status: @escaping @Sendable (APIError) -> Int = { $0.code.status },
        errorBody: @escaping @Sendable (APIError) -> JSONValue,
        admit: (@Sendable (_ clientName: String?, _ clientVersion: String?) throws(APIError) -> Void)? = nil
    ) {
        self.name = name
        self.paths = paths
        self.status = status
        self.errorBody = errorBody
        self.admit = admit
    }

    /// Every dialect that is spoken beside the native one.
    static let guests: [Dialect] = [.nanda, .nexora, .nanoTerm, .nurosentrix]

    /// The dialect that a path belongs to, whether or not there is a route: the one with the longest path around it.
    static func speaking(at path: String) -> Dialect {
        var found: (dialect: Dialect, length: Int)?
        for dialect in guests {
            for own in dialect.paths where path == own || path.hasPrefix(own + "/") {
                if own.utf8.count > found?.length ?? 0 { found = (dialect, own.utf8.count) }
            }
        }
        return found?.dialect ?? .native
    }

    func answer(to error: APIError) -> APIResponse {
        var response = APIResponse.json(errorBody(error), status: status(error))
        // Where the error is explained (RFC 8288, relation "help").
        response.headers.append(("Link", "<\(ErrorCatalogue.entry(error.code).link)>; rel=\"help\""))
        if let seconds = error.retryAfterSeconds { response.headers.append(("Retry-After", String(seconds))) }
        if !error.allowedMethods.isEmpty {
            response.headers.append(("Allow", error.allowedMethods.joined(separator: ", ")))
        }
        if error.code == .upgradeRequired, error.reason == nil { response.headers.append(("Upgrade", "websocket")) }
        if error.code == .unauthorized { response.headers.append(("WWW-Authenticate", "Bearer")) }
        return response
    }
}
