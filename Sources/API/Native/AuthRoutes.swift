import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `/v1/auth/…`: signing in and out, who one is, passwords; and the public keys of the tokens.
struct AuthRoutes: Sendable {
    let signIns: SignInService
    let reads: ReadModel

    var routes: [Route] {
        [
            Route(
                .post, "/v1/auth/login", .public, bodyBytesMax: 16_384, addressLimit: .signIn,
                idempotency: .notNeeded, setsCookie: true, handler: signIn),
            Route(
                .post, "/v1/auth/refresh", .public, bodyBytesMax: 16_384, idempotency: .notNeeded, setsCookie: true,
                handler: refresh),
            Route(
                .post, "/v1/auth/logout", .member, bodyBytesMax: 16_384, idempotency: .notNeeded, setsCookie: true,
                handler: signOut),
            Route(.get, "/v1/auth/me", .member, handler: show),
            Route(
                .post, "/v1/auth/password", .member, bodyBytesMax: 16_384, addressLimit: .signIn,
                idempotency: .notNeeded, setsCookie: true, handler: changePassword),
            Route(
                .post, "/v1/auth/password/reset", .public, bodyBytesMax: 16_384, addressLimit: .signIn,
                idempotency: .notNeeded, setsCookie: true, handler: resetPassword),
            Route(
                .get, "/.well-known/jwks.json", .public, isForAnyOrigin: true,
                produces: ["application/jwk-set+json", "application/json"], handler: keySet),
        ]
    }

    private func signIn(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let email = try EmailAddress(try members.requiredString("email"))
        let tokens = try await signIns.signIn(
            email, password: try members.requiredString("password"), trace: exchange.trace)
        return try await answer(tokens)
    }

    private func refresh(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let token = try exchange.members().requiredString("refresh_token")
        return try await answer(try await signIns.refresh(token, trace: exchange.trace))
    }

    private func signOut(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        try await signIns.signOut(try exchange.caller(), trace: exchange.trace)
        var response = APIResponse.json(["message": "Signed out."])
        response.headers = [("Set-Cookie", AccessCookie.cleared), AccessCookie.noStore]
        return response
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let member = try reads.member(of: caller)
        var body = try await MemberAnswer(secrets: signIns.secrets).body(of: member)
        body["customer_id"] = .string(caller.customerID.text)
        body["environment"] = .string(caller.environment.rawValue)
        return .json(.object(body))
    }

    private func changePassword(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let tokens = try await signIns.changePassword(
            of: try exchange.caller(), from: try members.requiredString("current_password"),
            to: try Password(try members.requiredString("new_password"), field: "new_password"), trace: exchange.trace)
        return try await answer(tokens)
    }

    private func resetPassword(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let password = try Password(try members.requiredString("new_password"), field: "new_password")
        try await signIns.resetPassword(
            try members.requiredString("reset_token"), to: password, trace: exchange.trace)
        var response = APIResponse.json(["message": "The password is set and every sign-in ended. Sign in with it."])
        response.headers = [("Set-Cookie", AccessCookie.cleared), AccessCookie.noStore]
        return response
    }

    private func keySet(_: Exchange) -> APIResponse {
        var response = APIResponse.json(signIns.tokens.keySet)
        response.contentType = "application/jwk-set+json"
        response.headers = [("Cache-Control", "public, max-age=300")]
        return response
    }

    /// Tokens in the body for programs, the access token as a cookie for browsers.
    private func answer(_ tokens: SignInService.Tokens) async throws(APIError) -> APIResponse {
        let member = try await MemberAnswer(secrets: signIns.secrets).body(of: tokens.member)
        var response = APIResponse.json([
            "access_token": .string(tokens.access), "refresh_token": .string(tokens.refresh), "token_type": "bearer",
            "expires_in": .integer(TokenClaims.Purpose.access.lifetimeSeconds), "member": .object(member),
        ])
        response.headers = [("Set-Cookie", AccessCookie.holding(tokens.access)), AccessCookie.noStore]
        return response
    }
}

/// The cookie that browsers sign in with (RFC 6265 §4.1): no script reads it, no plain connection carries it, no other
/// site's form sends it.
enum AccessCookie {
    static let noStore = (name: "Cache-Control", value: "no-store")
    private static let attributes = "HttpOnly; Secure; SameSite=Lax; Path=/"

    static func holding(_ token: String) -> String {
        "\(MemberAuthenticator.cookieName)=\(token); \(attributes); Max-Age=\(TokenClaims.Purpose.access.lifetimeSeconds)"
    }

    static let cleared = "\(MemberAuthenticator.cookieName)=; \(attributes); Max-Age=0"
}

/// A member as its organisation sees it.
struct MemberAnswer: Sendable {
    let secrets: MemberSecrets

    func body(of member: MemberView) async throws(APIError) -> JSONObject {
        var body = JSONObject()
        body["id"] = .string(member.id.text)
        body["email"] = .string(try await secrets.email(of: member))
        body["name"] = try await secrets.name(of: member).map { .string($0) } ?? .null
        body["role"] = .string(member.role.rawValue)
        body["permissions"] = .array(member.role.permissions.names.map { .string($0) })
        body["created_at"] = .string(member.createdAt.secondsText)
        body["last_sign_in_at"] = member.lastSignInAt.map { .string($0.secondsText) } ?? .null
        return body
    }
}
