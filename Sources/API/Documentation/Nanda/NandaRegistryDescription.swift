import CanonicalJSON
import Ledger

/// Agents as the registry shows them, to NANDA's clients and to Nexora's.
enum AgentSchemas {
    static let name = Schema.text("weather-agent", length: 1...128, pattern: "^[A-Za-z0-9._:~@-]+$")
    /// A host without a user's name, then visible ASCII without `"<>\\^{|}` and the backtick (RFC 3986).
    static let url = Schema.text(
        "https://agent.example/a2a", length: 8...AgentLimits.urlBytesMax,
        pattern: #"^https?://[!$-.0-9;=A-Z\[\]_a-z~][!$-.0-;=A-Z\[\]_a-z~]*([/?#][!#-;=?-\[\]_a-z~]*)?$"#)
    static let labels = Schema.array(.label("weather", max: 64), lengthMax: AgentLimits.labelsMax).with(
        "uniqueItems", true)

    static let members: [Schema.Member] = [
        .required("agent_id", name), .required("agent_url", .text("https://agent.example/a2a")),
        .required("api_url", .text("https://agent.example/api").orNull),
        .required("facts_url", .text("https://agent.example/facts").orNull), .required("alive", .flag()),
        .required("status", .choice(AgentStatus.self, example: .alive)),
        .required("assigned_to", .text("team-a").orNull), .required("last_update", .time()),
        .required("capabilities", .array(.text("weather"))), .required("tags", .array(.text("eu"))),
        .required("version", .text("1.0").orNull),
    ]
    static let agent = Schema.object(members).named("Agent")
    static let credential = Schema.object([
        .required("@context", .anything), .required("type", .anything), .required("issuer", .anything),
        .required("credentialSubject", .anything), .required("proof", .anything),
    ]).named("AgentFacts").with("description", "A W3C Verifiable Credential with a Data Integrity proof.")
}

extension RouteFamily {
    static let nandaRegistry = RouteFamily(
        "NANDA registry", "A registry of agents: anyone reads, owners write (docs/dialects.md).", in: .nanda,
        [
            RouteDescription(
                "POST /register", "registerAgent", "Register an agent, or change one's own", "",
                body: .object([
                    .required("agent_id", AgentSchemas.name), .required("agent_url", AgentSchemas.url),
                    .accepted("api_url", AgentSchemas.url), .accepted("facts_url", AgentSchemas.url),
                    .accepted("capabilities", AgentSchemas.labels), .accepted("tags", AgentSchemas.labels),
                    .accepted("version", .label("1.0", max: 64)),
                ]).showing(["agent_id": "weather-agent", "agent_url": "https://agent.example/a2a"]),
                answers: [
                    .json(
                        "Registered, or updated.",
                        .object([
                            .required("status", .choice(["success"])),
                            .required("message", .text("Agent weather-agent registered")),
                            .required("agent_id", AgentSchemas.name),
                        ]))
                ], errors: [.conflict]),
            RouteDescription(
                "GET /list", "listAgents", "Every agent's address", "A further page is announced in `Link`.", pages,
                answers: [.json("`{id: url}`.", .map(.text("https://agent.example/a2a"), example: "weather-agent"))],
                errors: [.badRequest]),
            RouteDescription(
                "GET /search", "searchAgents", "Search for agents", "All that is asked must fit. Newest first.",
                [
                    .query("q", .text("weather eu*"), "Words; a `*` behind three characters or more for a beginning."),
                    .query("capabilities", .text("weather"), "Separated by commas."),
                    .query("tags", .text("eu"), "Separated by commas."),
                ] + pages, answers: [.json("The agents.", .array(AgentSchemas.agent))], errors: [.badRequest]),
            RouteDescription(
                "GET /lookup/:id", "lookUpAgent", "Show an agent", "", [id],
                answers: [.json("The agent.", AgentSchemas.agent)], errors: [.notFound]),
            RouteDescription(
                "GET /agentfacts/:id", "showAgentFacts", "An agent's credential", "", [id],
                answers: [.json("The credential.", AgentSchemas.credential)], errors: [.notFound]),
            RouteDescription(
                "PUT /agentfacts/:id", "publishAgentFacts", "Publish an agent's facts",
                "Bare members of the subject, which this node signs, or a whole signed credential. At most 64 KiB canonical.",
                [id], body: .anything.with("type", "object").with("minProperties", 1).showing(["label": "Weather"]),
                answers: [.json("The credential.", AgentSchemas.credential)], errors: [.notFound]),
            RouteDescription(
                "PUT /agents/:id/status", "changeAgentStatus", "Say whether an agent is alive", "", [id],
                body: .any(of: [
                    .object([
                        .required("status", .choice(AgentStatus.self, example: .alive)),
                        .accepted("assigned_to", .label("team-a", max: AgentName.bytesMax)),
                    ]),
                    .object([.required("alive", .flag())]),
                    .object([.required("assigned_to", .labelOrNobody("team-a", max: AgentName.bytesMax))]),
                ]),
                answers: [
                    .json(
                        "Changed.",
                        .object([
                            .required("status", .choice(["updated"])), .required("agent_id", AgentSchemas.name),
                            .required("alive", .flag()), .required("assigned_to", .text("team-a").orNull),
                        ]))
                ], errors: [.notFound]),
            RouteDescription(
                "DELETE /agents/:id", "deleteAgent", "Take an agent out of the registry", "", [id],
                answers: [
                    .json(
                        "Deleted; the id is free.",
                        .object([.required("status", .choice(["deleted"])), .required("agent_id", AgentSchemas.name)]))
                ], errors: [.notFound]),
            RouteDescription(
                "GET /stats", "showRegistryCounts", "How many agents there are",
                answers: [
                    .json(
                        "The counts.",
                        .object([
                            .required("total_agents", .count(3)), .required("alive_agents", .count(2)),
                            .required("total_clients", .count(1), "Customers with at least one agent."),
                        ]))
                ]),
            RouteDescription(
                "GET /reputation", "showReputation", "What was measured of agents",
                "Without measurements the score is null, with the reason.",
                [.query("agent_id", AgentSchemas.name, "One agent; without it a page of all.")] + pages,
                answers: [.json("One, or an array.", .any(of: [score, .array(score)]))],
                errors: [.badRequest, .notFound]),
            health("GET /health", "showNandaHealth"),
        ])

    private static let id = RouteDescription.Parameter.path("id", AgentSchemas.name, "The agent.")
    private static let pages = RouteDescription.Parameter.page(after: AgentSchemas.name, limitMax: 1_000)
    private static let share = Schema.number(0.99).with("minimum", 0).with("maximum", 1)
    private static let score = Schema.any(of: [
        .object([
            .required("agent_id", AgentSchemas.name), .required("reputation", share, "From 0 to 1."),
            .required("availability", share), .required("probe_success", share),
            .required("certification", share.orNull.showing(.null)),
            .required("fraud_rate", share.orNull.showing(.null)), .required("latency_ms", .number(12.5).orNull),
            .required("measurements", .count(288)), .required("window_days", .count(30)),
            .required(
                "last_probe",
                .object([
                    .required("recorded_at", .time()), .required("reachable", .flag()),
                    .required("status", .count(200).orNull),
                ])),
        ]),
        .object([
            .required("agent_id", AgentSchemas.name), .required("reputation", Schema.nothing),
            .required("measurements", .count(0)), .required("reason", .text("This node has not measured this agent.")),
        ]),
    ]).named("Reputation")
}
