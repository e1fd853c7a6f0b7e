import JWTKit
import Ledger
import Proofs

/// What an access or a refresh token says (RFC 7519, RFC 9068). Whether it still counts is the ledger's to know.
struct TokenClaims: JWTPayload, Equatable {
    /// What a token is for: its `typ`, its audience, and how long it lives.
    enum Purpose: Sendable, CaseIterable {
        case access, refresh

        var type: String { self == .access ? "at+jwt" : "rt+jwt" }
        var audience: String { self == .access ? "nrx-ledger" : "nrx-ledger/refresh" }
        var lifetimeSeconds: Int64 { self == .access ? 15 * 60 : 7 * 24 * 3_600 }
    }

    /// The log's origin: a token of another deployment is not one of ours.
    let iss: String
    let aud: String
    /// The member.
    let sub: String
    /// The sign-in.
    let sid: String
    /// Of the refresh token in its family, and of the access token that came with it.
    let gen: Int64
    /// Unique: sign-in, generation and purpose.
    let jti: String
    /// Seconds since 1970.
    let iat: Int64
    let exp: Int64

    init(
        issuer: String, purpose: Purpose, memberID: MemberID, signInID: SignInID, generation: Int64,
        issuedAtSeconds: Int64
    ) {
        iss = issuer
        aud = purpose.audience
        sub = memberID.text
        sid = signInID.text
        gen = generation
        jti = "\(signInID.text).\(generation).\(purpose == .access ? "a" : "r")"
        iat = issuedAtSeconds
        exp = issuedAtSeconds + purpose.lifetimeSeconds
    }

    /// The claims are checked by ``TokenService``, which knows the clock and what the token is for.
    func verify(using _: some JWTAlgorithm) {}
}
