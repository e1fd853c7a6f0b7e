import CanonicalJSON
import Ledger

extension DialectDescription {
    static let nexora = DialectDescription(
        dialect: .nexora, title: "Nexora",
        error: .object([
            .required(
                "detail",
                .any(of: [
                    .text("Agent not found."),
                    .array(
                        .object([
                            .required("loc", .array(.any(of: [.text("body"), .count(0)]))),
                            .required("msg", .text("`name` is required.")), .required("type", .text("value_error")),
                        ])),
                ]), "Text, or for 422 what is wrong where.")
        ]).named("NexoraError"))
}

extension RouteFamily {
    static let nexoraKeys = RouteFamily(
        "Nexora keys", "Keys that begin with `nxr_`, as Nexora's clients know them (docs/dialects.md).", in: .nexora,
        [
            RouteDescription(
                "GET /api/users/me/api-keys", "listNexoraKeys", "List the keys that were not revoked", "",
                RouteDescription.Parameter.page(after: .uuid),
                answers: [.json("The keys.", .array(nexoraKey))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/users/me/api-keys", "createNexoraKey", "Make a key", "",
                body: .object([
                    .required("name", .label("my chat", max: 100)),
                    .accepted("scopes", .permissions.with("minItems", 1), "Null for all of the caller's."),
                    .accepted("expires_at", .moment, "In the future."),
                ]).showing(["name": "my chat"]),
                answers: [.json(201, "The key, with `key` this once.", revealedNexoraKey)],
                otherErrors: [(400, "20 keys are active already.")]),
            RouteDescription(
                "POST /api/users/me/api-keys/:id/rotate", "rotateNexoraKey", "Give a key a new secret", "", [keyID],
                answers: [.json("The key, with its new `key`.", revealedNexoraKey)], errors: [.notFound, .conflict]),
            RouteDescription(
                "DELETE /api/users/me/api-keys/:id", "revokeNexoraKey", "Revoke a key, for ever", "", [keyID],
                answers: [.empty(204, "Revoked.")], errors: [.notFound, .conflict]),
        ])

    static let nexoraSignIn = RouteFamily(
        "Nexora sign-in", "Tokens in the body, never in a cookie.", in: .nexora,
        [
            RouteDescription(
                "POST /api/auth/login", "signInToNexora", "Sign in with a password",
                body: .object([.required("email", .email), .required("password", .password)]),
                answers: [.json("Signed in.", nexoraTokens)], errors: [.unauthorized]),
            RouteDescription(
                "POST /api/auth/refresh", "refreshNexoraTokens", "Exchange a refresh token for new tokens",
                body: .object([.required("refresh_token", .text("nrx_refresh_…"))]),
                answers: [.json("New tokens.", nexoraTokens)], errors: [.unauthorized]),
        ])

    static let nexoraAgents = RouteFamily(
        "Nexora agents", "One's own agents, and live events over a WebSocket.", in: .nexora,
        [
            RouteDescription(
                "GET /api/agents", "listMyAgents", "List one's own agents", "A further page is announced in `Link`.",
                RouteDescription.Parameter.page(after: AgentSchemas.name),
                answers: [
                    .json(
                        "The agents, newest first.",
                        .array(
                            .object(
                                AgentSchemas.members + [
                                    .required("id", .uuid), .required("name", AgentSchemas.name),
                                    .required("created_at", .time()),
                                ])))
                ], errors: [.badRequest]),
            RouteDescription(
                "GET /api/ws/:chat_id", "followChat", "Live events of a session or an agent",
                """
                A WebSocket (RFC 6455, HTTP/1.1) that needs logs:read; the token is taken from the subprotocols \
                `nexora-bearer, TOKEN`, then `Authorization`, then `?token=`. Messages and closing codes: docs/dialects.md. \
                A plain request gets 426.
                """,
                [.path("chat_id", .text("sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06", length: 1...128), "What to follow.")],
                answers: [.empty(101, "It is a WebSocket from here on.")], errors: [.upgradeRequired]),
        ])

    private static let nexoraKeyMembers: [Schema.Member] = [
        .required("id", .uuid), .required("name", .text("my chat")), .required("prefix", .text("nxr_a1b2")),
        .required("scopes", Schema.permissions.orNull, "Null is all there are."), .required("created_at", .time()),
        .required("expires_at", Schema.time().orNull), .required("last_used_at", Schema.time().orNull),
    ]
    private static let nexoraKey = Schema.object(nexoraKeyMembers).named("NexoraKey")
    private static let revealedNexoraKey = Schema.object(nexoraKeyMembers + [.required("key", .secret("nxr_"))])
        .named("RevealedNexoraKey")
    private static let keyID = RouteDescription.Parameter.path("id", .uuid, "The key.")
    private static let nexoraTokens = Schema.object([
        .required("access_token", .text("eyJhbGciOiJFZERTQSI…")), .required("refresh_token", .text("nrx_refresh_…")),
        .required("token_type", .choice(["bearer"])), .required("expires_in", .count(900)),
    ]).named("NexoraTokens")
}
