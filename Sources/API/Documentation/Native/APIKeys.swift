import CanonicalJSON
import Ledger
import Proofs

extension RouteFamily {
    static let apiKeys = RouteFamily(
        "API keys",
        "Keys of every dialect: made, bound, rotated, revoked. What a key may do is decided by its permissions.",
        [
            RouteDescription(
                "GET /v1/api-keys", "listAPIKeys", "List the keys, revoked ones included", "",
                RouteDescription.Parameter.page(after: .keyID),
                answers: [.json("A page, newest first.", .page(of: key))], errors: [.badRequest]),
            RouteDescription(
                "POST /v1/api-keys", "createAPIKey", "Make a key",
                "Nobody gives permissions that they do not have. `prefix` and `environment`, where both are there, must agree.",
                body: .object([
                    .required("name", .label("batch jobs", max: 100)),
                    .accepted(
                        "permissions", .any(of: [.permissions.with("minItems", 1), .preset]),
                        "Without: the caller's own."),
                    .accepted("environment", .environment),
                    .accepted("prefix", .choice(KeyPrefix.self, example: .nanorixLive), "Which dialect's limits hold."),
                    .accepted("expires_at", .moment, "In the future."),
                    .accepted("monthly_limit", .integer(1...KeyLimits.monthlyLimitMax, example: 10_000)),
                    .accepted("allowed_addresses", ranges, "Addresses or CIDR ranges."),
                ]).showing(["name": "batch jobs", "permissions": ["sessions:read", "proofs:read"]]),
                answers: [.json(201, "The key with its secret.", revealed)], errors: [.conflict]),
            RouteDescription(
                "GET /v1/api-keys/:id", "showAPIKey", "Show a key", "", [keyID], answers: [.json("The key.", key)],
                errors: [.notFound]),
            RouteDescription(
                "PATCH /v1/api-keys/:id", "changeAPIKey", "Change a key's name or bounds",
                "Absent leaves, null takes a bound away; at least one member must be there.", [keyID],
                body: .any(of: [
                    .object([.required("name", .label("batch jobs", max: 100))]),
                    .object([
                        .required("monthly_limit", .integer(1...KeyLimits.monthlyLimitMax, example: 10_000).orNull)
                    ]),
                    .object([.required("allowed_addresses", ranges.orNull)]),
                ]),
                answers: [.json("The key.", key)], errors: [.notFound, .conflict]),
            RouteDescription(
                "DELETE /v1/api-keys/:id", "revokeAPIKey", "Revoke a key, for ever", "", [keyID],
                answers: [.json("The key, revoked.", key)], errors: [.notFound, .conflict]),
            RouteDescription(
                "POST /v1/api-keys/:id/rotate", "rotateAPIKey", "Give a key a new secret",
                "The id stays. The old secret ends at once, or after `grace_period` seconds.", [keyID],
                body: .object([
                    .accepted("grace_period", .integer(0...KeyLimits.graceSecondsMax, example: 86_400), "Seconds.")
                ]), bodyIsRequired: false,
                answers: [.json("The key with its new secret.", revealed)], errors: [.notFound, .conflict]),
        ])

    private static let keyID = RouteDescription.Parameter.path("id", .keyID, "The key.")
    private static let ranges = Schema.array(
        .text("198.51.100.0/24", pattern: "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$").about("An address or a CIDR range."),
        lengthMax: KeyLimits.allowedAddressesMax)

    private static let keyMembers: [Schema.Member] = [
        .required("id", .keyID), .required("name", .text("batch jobs")),
        .required("prefix", .text("nrx_live_a1b2"), "How the key begins."), .required("environment", .environment),
        .required("permissions", .permissions), .required("status", .choice(["active", "expired", "revoked"])),
        .required("allowed_addresses", .array(.text("203.0.113.0/24"))),
        .required("monthly_limit", .count(10_000).orNull), .required("requests_this_month", .count(17)),
        .required("created_at", .time()), .required("expires_at", .time().orNull),
        .required("rotated_at", .time().orNull), .required("revoked_at", .time().orNull),
        .required("last_used_at", .time().orNull, "At most a day behind."),
        .required(
            "last_refusal",
            .object([
                .required("at", .time()),
                .required("reason", .choice(["revoked", "rotated", "expired", "wrong_address", "monthly_limit"])),
            ]).orNull),
    ]
    private static let key = Schema.object(keyMembers).named("APIKey")
    private static let revealed = Schema.object(
        keyMembers + [.required("api_key", .secret("nrx_live_")), .required("message", .message)]
    ).named("RevealedAPIKey")
}
