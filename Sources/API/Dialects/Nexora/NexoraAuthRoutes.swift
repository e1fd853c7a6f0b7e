import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/auth/login` and `/refresh`: tokens in the body, never in a cookie, because Nexora's pages live elsewhere.
struct NexoraAuthRoutes: Sendable {
    let signIns: SignInService

    var routes: [Route] {
        [
            Route(
                .post, "/api/auth/login", .public, bodyBytesMax: 16_384, addressLimit: .signIn,
                idempotency: .notNeeded, handler: signIn),
            Route(
                .post, "/api/auth/refresh", .public, bodyBytesMax: 16_384, idempotency: .notNeeded, handler: refresh),
        ]
    }

    private func signIn(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let email = try EmailAddress(try members.requiredString("email"))
        return answer(
            try await signIns.signIn(email, password: try members.requiredString("password"), trace: exchange.trace))
    }

    private func refresh(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let token = try exchange.members().requiredString("refresh_token")
        return answer(try await signIns.refresh(token, trace: exchange.trace))
    }

    private func answer(_ tokens: SignInService.Tokens) -> APIResponse {
        var response = APIResponse.json([
            "access_token": .string(tokens.access), "refresh_token": .string(tokens.refresh), "token_type": "bearer",
            "expires_in": .integer(TokenClaims.Purpose.access.lifetimeSeconds),
        ])
        response.headers = [AccessCookie.noStore]
        return response
    }
}
