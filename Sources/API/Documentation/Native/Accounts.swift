import CanonicalJSON
import Ledger

extension RouteFamily {
    static let accounts = RouteFamily(
        "Accounts", "A customer, what it uses, what it says of itself, and its erasure.",
        [
            RouteDescription(
                "POST /v1/signup", "signUp", "Create a customer and its first API key",
                "With `password` also its first member, who can sign in.",
                body: .object([
                    .required("email", .email, "What the account is known by."),
                    .accepted("jurisdiction", .jurisdiction, "Which law stands in the proofs of its sessions."),
                    .accepted("password", .password, "For signing in."),
                    .accepted("name", .label("Ada Lovelace", max: 100), "What the member wants to be called."),
                ]).showing(["email": "you@company.com", "jurisdiction": "EU"]),
                answers: [
                    .json(
                        201, "The customer and its key.",
                        .object([
                            .required("customer_id", .customerID), .required("api_key", .secret("nrx_live_")),
                            .required("tier", .tier), .required("message", .message),
                            .optional("member_id", .memberID, "With `password`."),
                        ]))
                ], errors: [.conflict]),
            RouteDescription(
                "GET /v1/customers/me", "showAccount", "The account, its usage and its limits",
                answers: [.json("The account.", account)]),
            RouteDescription(
                "PATCH /v1/customers/me", "changeAccount", "Change what the account says of itself",
                "What is absent stays; at least one member must be there.",
                body: .any(of: [
                    .object([.required("jurisdiction", .jurisdiction, "Of sessions that begin from now on.")]),
                    .object([
                        .required(
                            "organisation", .label("General Hospital", max: 200).orNull,
                            "What the customer is called, sealed; null takes it away.")
                    ]),
                ]),
                answers: [.json("The account as it is now.", account)]),
            RouteDescription(
                "DELETE /v1/customers/me", "eraseAccount", "Erase the account, for ever",
                "Ends every session with its proof, kills every key and sign-in, and deletes the key under which personal data "
                    + "is sealed. Fetch earlier proofs before.",
                body: .object([
                    .required("confirm", .text("cust_…"), "The account's own id."),
                    .accepted("password", .text("…"), "Of the member who asks, when one is signed in."),
                ]),
                answers: [
                    .json(
                        "It is erased.",
                        .object([
                            .required("customer_id", .customerID), .required("status", .choice(["erased"])),
                            .required("erased_at", .time()),
                            .required("cdps", .array(ProofSchemas.proof), "The proofs of the sessions that it ended."),
                        ]))
                ], errors: [.conflict]),
            RouteDescription(
                "GET /v1/usage", "showUsage", "What was used, by day and by cycle",
                "Without `from` and `to` the current cycle; at most 366 days. Test data is counted apart.",
                [
                    .query("from", day, "First day, UTC."), .query("to", day, "Last day, UTC."),
                ],
                answers: [
                    .json(
                        "The counts.",
                        .object([
                            .required("environment", .environment), .required("cycle", currentCycle),
                            .required("cycles", .array(usage)), .required("days", .array(usage)),
                        ]))
                ], errors: [.badRequest]),
        ])

    private static let day = Schema.text("2026-03-01", pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")

    private static let account = Schema.object([
        .required("customer_id", .customerID), .required("email", .email),
        .optional("organisation", .label("General Hospital", max: 200)), .required("tier", .tier),
        .required("jurisdiction", .jurisdiction), .required("cdps_this_cycle", .count(12)),
        .required("cdp_limit", .count(100).orNull, "Proofs a cycle; null is no limit."),
        .required("sessions_used", .count(2), "Live sessions."), .required("sessions_limit", .count(3).orNull),
        .required("rate_limit_rpm", .count(60).orNull, "Requests a minute for this key."),
        .required("billing_cycle_start", .time("2026-03-01T00:00:00Z")),
        .required("api_key_prefix", .text("nrx_live_a1b2").orNull),
        .optional(
            "subscription",
            .object([
                .required("status", .choice(SubscriptionStatus.self, example: .active)), .required("tier", .tier),
                .required("grace_ends_at", .time().orNull, "When the plan ends unless a payment comes."),
            ])),
        .optional("environment", .environment, "With a test key."),
    ]).named("Account")

    private static let usageMembers: [Schema.Member] = [
        .required("period", .text("2026-03")), .required("requests", .count(1_204)), .required("sessions", .count(12)),
        .required("execs", .count(31)), .required("compute_seconds", .number(17.25)), .required("cdps", .count(12)),
    ]
    private static let usage = Schema.object(usageMembers).named("Usage")
    private static let currentCycle = Schema.object(
        usageMembers + [
            .required("starts_at", .time()), .required("ends_at", .time()), .required("cdp_limit", .count(100).orNull),
        ])
}
