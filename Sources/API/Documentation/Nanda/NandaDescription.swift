import CanonicalJSON
import Ledger

extension DialectDescription {
    static let nanda = DialectDescription(
        dialect: .nanda, title: "NANDA",
        error: .object([
            .required("error", .text("Not Found"), "The status in words."),
            .required("message", .text("Agent not found.")), .optional("field", .text("agent_url")),
        ]).named("NandaError"))
}

extension RouteFamily {
    static let nandaKeys = RouteFamily(
        "NANDA keys", "Keys that begin with `nanda_`, as Nexartis NANDA's clients know them (docs/dialects.md).",
        in: .nanda,
        [
            RouteDescription(
                "GET /api/developers/keys", "listNandaKeys", "List the keys", "",
                RouteDescription.Parameter.page(after: .keyID),
                answers: [
                    .json(
                        "The keys.",
                        .object([.required("keys", .array(nandaKey)), .required("has_more", .flag(false))]))
                ], errors: [.badRequest]),
            RouteDescription(
                "POST /api/developers/keys", "createNandaKey", "Make a key", "",
                body: .object([
                    .required("name", .label("my agent", max: 100)),
                    .accepted("tier", nandaTier, "Up to the account's plan."),
                    .accepted("permissions", .any(of: [.permissions.with("minItems", 1), .preset])),
                    .accepted("expires_at", .moment, "In the future."),
                ]).showing(["name": "my agent"]),
                answers: [
                    .json(
                        201, "The key, with `raw_key` this once.",
                        .object([
                            .required(
                                "key", .object(nandaKeyMembers + [.required("raw_key", .secret("nanda_"))])),
                            .required("message", .message),
                        ]))
                ], errors: [.conflict]),
            RouteDescription(
                "DELETE /api/developers/keys/:id", "revokeNandaKey", "Revoke a key, for ever", "",
                [.path("id", .keyID, "The key.")],
                answers: [
                    .json(
                        "Revoked.",
                        .object([
                            .required("message", .text("API key revoked successfully")), .required("key", nandaKey),
                        ]))
                ], errors: [.notFound, .conflict]),
        ])

    private static let nandaTier = Schema.choice(["free", "pro", "enterprise"])
    private static let nandaKeyMembers: [Schema.Member] = [
        .required("id", .keyID), .required("name", .text("my agent")), .required("prefix", .text("nanda_a1b2")),
        .required("tier", nandaTier), .required("permissions", .permissions),
        .required("status", .choice(["active", "expired", "revoked"])),
        .required("monthly_limit", .count(1_000).orNull), .required("requests_this_month", .count(17)),
        .required("created_at", .time()), .required("expires_at", .time().orNull),
        .required("last_used_at", .time().orNull), .required("revoked_at", .time().orNull),
    ]
    private static let nandaKey = Schema.object(nandaKeyMembers).named("NandaKey")
}
