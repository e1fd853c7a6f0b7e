import CanonicalJSON
import Ledger

extension RouteFamily {
    static let signIn = RouteFamily(
        "Sign-in", "Members sign in with a password; programs use API keys. See docs/identity.md.",
        [
            RouteDescription(
                "POST /v1/auth/login", "signIn", "Sign in with a password",
                "Tokens in the body for programs, the access token as a cookie for browsers.",
                body: .object([.required("email", .email), .required("password", .password)]),
                answers: [.json("Signed in.", tokens)], errors: [.unauthorized]),
            RouteDescription(
                "POST /v1/auth/refresh", "refreshTokens", "Exchange a refresh token for new tokens",
                "Each refresh token works once; one that is used again ends its sign-in.",
                body: .object([.required("refresh_token", .text("nrx_refresh_…"))]),
                answers: [.json("New tokens.", tokens)], errors: [.unauthorized]),
            RouteDescription(
                "POST /v1/auth/logout", "signOut", "End this sign-in",
                answers: [.json("Signed out.", .accepted("Signed out."))]
            ),
            RouteDescription(
                "GET /v1/auth/me", "showMyself", "Who is signed in",
                answers: [
                    .json(
                        "The member.",
                        .object(
                            memberMembers + [
                                .required("customer_id", .customerID), .required("environment", .environment),
                            ]))
                ]),
            RouteDescription(
                "POST /v1/auth/password", "changePassword", "Change one's password", "Ends every other sign-in.",
                body: .object([
                    .required("current_password", .password), .required("new_password", .password),
                ]),
                answers: [.json("Changed; new tokens.", tokens)]),
            RouteDescription(
                "POST /v1/auth/password/reset", "resetPassword", "Set a password with a reset token",
                "The operator makes the token (`nrx-server admin issue-reset-token`).",
                body: .object([
                    .required("reset_token", .text("nrx_reset_…")), .required("new_password", .password),
                ]),
                answers: [.json("It is set, and every sign-in ended.", .accepted("The password is set."))],
                errors: [.unauthorized, .notFound]),
            RouteDescription(
                "GET /.well-known/jwks.json", "showTokenKeys", "The public keys of access tokens",
                "JSON Web Key Set (RFC 7517).",
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "The keys.",
                        content: [("application/jwk-set+json", .object([.required("keys", .array(jwk))]))])
                ]),
        ])

    static let memberMembers: [Schema.Member] = [
        .required("id", .memberID), .required("email", .email), .required("name", .text("Ada Lovelace").orNull),
        .required("role", .role), .required("permissions", .permissions), .required("created_at", .time()),
        .required("last_sign_in_at", .time().orNull),
    ]

    private static let tokens = Schema.object([
        .required("access_token", .text("eyJhbGciOiJFZERTQSI…"), "A JWT (EdDSA)."),
        .required("refresh_token", .text("nrx_refresh_…")), .required("token_type", .choice(["bearer"])),
        .required("expires_in", .count(900), "Seconds that the access token lives."),
        .required("member", .object(memberMembers)),
    ]).named("Tokens")

    private static let jwk = Schema.object([
        .required("kty", .choice(["OKP"])), .required("crv", .choice(["Ed25519"])), .required("kid", .text("a8f3e71c")),
        .required("x", .text("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
    ])
}
