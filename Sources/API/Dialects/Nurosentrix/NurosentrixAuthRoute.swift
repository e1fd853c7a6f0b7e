import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `POST /auth/login`: a token for a member of the organisation, in the body and as the sign-in cookie.
struct NurosentrixAuthRoute: Sendable {
    let signIns: SignInService
    let members: MemberSecrets
    let now: @Sendable () -> Timestamp

    var routes: [Route] {
        [
            Route(
                .post, "/auth/login", .public, bodyBytesMax: 16_384, addressLimit: .signIn, idempotency: .notNeeded,
                setsCookie: true, handler: signIn)
        ]
    }

    private func signIn(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let form = try exchange.members()
        let email = try EmailAddress(try form.requiredString("email"))
        let tokens = try await signIns.signIn(
            email, password: try form.requiredString("password"), trace: exchange.trace)
        let expiresAt = now().wholeSecond.adding(seconds: TokenClaims.Purpose.access.lifetimeSeconds)
        var response = NurosentrixAnswer.one([
            "token": .string(tokens.access), "expires_at": .string(expiresAt.secondsText),
            "refresh_token": .string(tokens.refresh),
            "user": [
                "id": .string("usr_" + tokens.member.id.text.dropFirst(MemberEntity.identifierPrefix.count)),
                "email": .string(try await members.email(of: tokens.member)),
                "name": try await members.name(of: tokens.member).map { .string($0) } ?? .null,
            ],
        ])
        response.headers = [("Set-Cookie", AccessCookie.holding(tokens.access)), AccessCookie.noStore]
        return response
    }
}
