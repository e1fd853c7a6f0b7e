import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

extension TestServer {
    static let password = "correct horse battery staple"

    /// Signs somebody up with a password, on a plan with room for members.
    func signUpOwner(_ email: String = "ada@company.com", plan: String = "enterprise") async throws -> (
        customer: String, key: String
    ) {
        let answer = try await send(
            .post, "/v1/signup", ["email": .string(email), "password": .string(Self.password), "name": "Ada"])
        try #require(answer.status == 201, "\(answer)")
        let customer = try #require(answer["customer_id"]?.string)
        if plan != "free" {
            let changed = try await operate("PUT", "/customers/\(customer)/plan", ["tier": .string(plan)])
            try #require(changed.status == 200, "\(changed)")
        }
        return (customer, try #require(answer["api_key"]?.string))
    }

    /// What an administration route answers, without the socket before it.
    func operate(_ method: String, _ path: String, _ body: JSONValue = [:]) async throws -> Answer {
        let parts = path.split(separator: "?")
        let segments = parts[0].split(separator: "/").map(String.init)
        for route in server.adminSocket.routes where route.method.rawValue == method {
            let pattern = route.path.split(separator: "/").map(String.init)
            guard pattern.count == segments.count,
                zip(pattern, segments).allSatisfy({ $0.hasPrefix(":") || $0 == $1 })
            else { continue }
            let captured = zip(pattern, segments).filter { $0.0.hasPrefix(":") }
                .map { (String($0.0.dropFirst()), $0.1) }
            let exchange = Exchange(
                parameters: Dictionary(uniqueKeysWithValues: captured), query: [:], body: body.canonicalBytes,
                trace: "test", principal: nil)
            let response: APIResponse
            do throws(APIError) { response = try await route.handler(exchange) } catch {
                response = Dialect.native.answer(to: error)
            }
            return Answer(status: response.status, headers: response.headers, body: response.body)
        }
        throw APIError.routeNotFound
    }

    func logIn(_ email: String = "ada@company.com", _ password: String = TestServer.password) async throws -> Answer {
        try await send(.post, "/v1/auth/login", ["email": .string(email), "password": .string(password)])
    }

    /// Signs in and returns the access token and the refresh token.
    func signIn(_ email: String = "ada@company.com") async throws -> (access: String, refresh: String) {
        let answer = try await logIn(email)
        try #require(answer.status == 200, "\(answer)")
        return (try #require(answer["access_token"]?.string), try #require(answer["refresh_token"]?.string))
    }

    func refresh(_ token: String) async throws -> Answer {
        try await send(.post, "/v1/auth/refresh", ["refresh_token": .string(token)])
    }

    /// The status of a request that only says who asks.
    func whoIs(_ token: String) async throws -> Int { try await send(.get, "/v1/auth/me", key: token).status }

    /// Invites somebody with `credential`, accepts, and returns the member's id.
    func addMember(_ email: String, _ role: String, by credential: String) async throws -> String {
        let invited = try await send(
            .post, "/v1/invitations", key: credential, ["email": .string(email), "role": .string(role)])
        let token = try #require(invited["token"]?.string, "\(invited)")
        let accepted = try await send(
            .post, "/v1/invitations/accept", ["token": .string(token), "password": .string(Self.password)])
        return try #require(accepted["id"]?.string, "\(accepted)")
    }
}
