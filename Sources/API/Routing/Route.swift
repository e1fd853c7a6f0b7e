import Ledger

/// One method on one path: who may call it, and what it does.
struct Route: Sendable {
    enum Method: String, Sendable, CaseIterable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    /// Who may call a route. Every route says so; there is no default.
    enum Access: Sendable, Equatable {
        /// Anyone, without a key.
        case `public`
        /// Whoever holds an active key, or is a signed-in member, with these permissions.
        case key(Permissions)
    }

    let method: Method
    /// Segments separated by `/`; `:name` captures one.
    let path: String
    let access: Access
    /// Largest body accepted, in bytes.
    var bodyBytesMax = 1 << 20
    let handler: @Sendable (Exchange) async throws(APIError) -> APIResponse

    init(
        _ method: Method, _ path: String, _ access: Access, bodyBytesMax: Int = 1 << 20,
        handler: @escaping @Sendable (Exchange) async throws(APIError) -> APIResponse
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.bodyBytesMax = bodyBytesMax
        self.handler = handler
    }
}

/// A request on its way through a route.
struct Exchange: Sendable {
    /// What the path captured, by name.
    let parameters: [String: String]
    /// Query members by name; of a repeated one the first.
    let query: [String: String]
    let body: [UInt8]
    /// The `Accept` header.
    var accept: String?
    /// The server's own request id; goes into events.
    let trace: String
    /// Who asks; nil on public routes.
    let principal: Principal?

    /// Who asks, on a route that needs a key.
    func caller() throws(APIError) -> Principal {
        guard let principal else { throw .unauthorized }
        return principal
    }

    /// Whether the answer is wanted as Server-Sent Events.
    var wantsEvents: Bool { accept?.lowercased().contains("text/event-stream") ?? false }

    /// The captured part called `name`.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The members of the JSON body.
    func members() throws(APIError) -> RequestMembers { try RequestMembers(body: body) }
}
