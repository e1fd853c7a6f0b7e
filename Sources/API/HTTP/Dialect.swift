import CanonicalJSON

/// A way to speak to the one system: how an error looks. Rules are never here; they are decided once, in the ledger.
struct Dialect: Sendable {
    let name: String
    /// The body of an error answer.
    let errorBody: @Sendable (APIError) -> JSONValue

    func answer(to error: APIError) -> APIResponse {
        var response = APIResponse.json(errorBody(error), status: error.code.status)
        if let seconds = error.retryAfterSeconds { response.headers.append(("Retry-After", String(seconds))) }
        if !error.allowedMethods.isEmpty {
            response.headers.append(("Allow", error.allowedMethods.joined(separator: ", ")))
        }
        if error.code == .unauthorized { response.headers.append(("WWW-Authenticate", "Bearer")) }
        return response
    }
}
