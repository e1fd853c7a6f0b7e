import CanonicalJSON
import Ledger
import Proofs

/// What proofs look like; their format is docs/cdp.md.
enum ProofSchemas {
    static let proof = Schema.object([
        .required("cdp_version", .choice(["1.0"])), .required("session_id", .sessionID),
        .required("created_at", .time()), .required("destroyed_at", .time("2026-03-01T14:05:00Z")),
        .required(
            "chain",
            .array(
                .object([
                    .required("step", .integer(1...8, example: 1)), .required("subsystem", .text("eee_namespace")),
                    .required("operation", .text("environment_isolation")),
                    .required("evidence_hash", .text("sha256:edc8…")), .required("chain_hash", .text("sha256:1a4d…")),
                ]))),
        .required("final_hash", .text("sha256:2e97…")),
        .required(
            "attestation",
            .object([
                .required("algorithm", .choice(["Ed25519"])),
                .required("public_key", .text("base64:MCowBQYDK2VwAyEA…")),
                .required("signature", .text("base64:Zo+0iEWN…")),
                .required("key_id", .text("nrx-verify-20260301T140500Z-a8f3e71c")),
            ])),
        .required(
            "evidence",
            .array(.object([.required("step", .integer(1...8, example: 1)), .required("document", .anything)])),
            "What was measured."),
        .required("regulatory_context", .anything), .required("session_context", .anything),
    ]).named("DestructionProof").with("description", "A Cryptographic Destruction Proof 1.0 (docs/cdp.md).")
}

extension RouteFamily {
    static let proofs = RouteFamily(
        "Proofs", "Destruction proofs, their verification, and the public keys they were signed with.",
        [
            RouteDescription(
                "GET /v1/proofs", "listProofs", "List the proofs", "",
                RouteDescription.Parameter.page(after: .sessionID),
                answers: [
                    .json(
                        "A page, newest first.",
                        .page(
                            of: .object([
                                .required("session_id", .sessionID),
                                .required("key_id", .text("nrx-verify-20260301T140500Z-a8f3e71c")),
                                .required("final_hash", .text("sha256:2e97…")),
                                .required("trigger", .choice(DestructionTrigger.self, example: .api)),
                                .required("issued_at", .time()), .required("environment", .environment),
                                .required("log_index", .count(41), "The event's place in the log."),
                            ])))
                ], errors: [.badRequest]),
            RouteDescription(
                "GET /v1/proofs/:session_id", "showProof", "The proof of a session", "",
                [
                    .path("session_id", .sessionID, "The session."),
                    .query(
                        "include", .choice(["inclusion"]),
                        "With it, `{\"cdp\",\"inclusion\"}`: what shows a stranger that the log holds it."),
                ],
                answers: [
                    .json(
                        "The proof.",
                        .any(of: [
                            ProofSchemas.proof,
                            .object([.required("cdp", ProofSchemas.proof), .required("inclusion", .anything)]),
                        ]))
                ], errors: [.notFound, .badRequest]),
            RouteDescription(
                "POST /v1/verify", "verifyProof", "Check a proof",
                "The document is checked and forgotten. Offline that is `nrx-replay verify`.",
                [
                    .query(
                        "allow_missing_layers", .choice(["true", "false"]),
                        "Accept a session that ran without some isolation layers.")
                ], body: ProofSchemas.proof,
                answers: [
                    .json(
                        "What the checks say.",
                        .object([
                            .required("valid", .flag()),
                            .required(
                                "checks",
                                .object([
                                    .required("chain_integrity", .flag()), .required("final_hash", .flag()),
                                    .required("signature", .flag()), .required("step_count", .count(8)),
                                ])), .required("level", .text("integrity")),
                            .required(
                                "key_published", .flag(), "Whether this ledger published that key for that session."),
                            .required("layers_missing", .array(.text("cgroup_limits"))),
                            .required("failures", .array(.text("the signature does not verify"))),
                        ]))
                ]),
            RouteDescription(
                "GET /v1/keys/:id", "showVerificationKey", "The public key of a proof", "",
                [
                    .path(
                        "id",
                        .text(
                            "nrx-verify-20260301T140500Z-a8f3e71c",
                            pattern: "^nrx-verify-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$"), "The proof's `key_id`.")
                ],
                answers: [
                    .json(
                        "The key.",
                        .object([
                            .required("key_id", .text("nrx-verify-20260301T140500Z-a8f3e71c")),
                            .required("algorithm", .choice(["Ed25519"])),
                            .required("public_key", .text("base64:MCowBQYDK2VwAyEA…")),
                            .required("created_at", .time()),
                        ]))
                ], errors: [.notFound]),
        ])
}
