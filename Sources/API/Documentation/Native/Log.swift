import CanonicalJSON

extension RouteFamily {
    static let log = RouteFamily(
        "Log",
        "The log's tree for anyone: C2SP tlog-tiles under the prefix `/v1/log`. Hashes only (docs/log-format.md).",
        [
            RouteDescription(
                "GET /v1/log/checkpoint", "showCheckpoint", "The newest signed checkpoint",
                answers: [
                    text(
                        "A C2SP tlog-checkpoint, with cosignatures where there are any.",
                        "nrx-ledger.example/…\n41\n…\n")
                ]),
            RouteDescription(
                "GET /v1/log/tile/**", "showTile", "A tile or entry bundle",
                "`<level>/<index>` or `entries/<index>`, with `.p/<width>` for a partial one. Full ones never change.",
                [.rest("tile", .text("0/000", pattern: "^[0-9a-z./]+$"), "The tile's name; holds slashes.")],
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "Hashes.", content: [("application/octet-stream", .anything)])
                ], errors: [.notFound]),
            RouteDescription(
                "GET /v1/log/inclusion", "showInclusion", "Proof that an event is in the log", "",
                [
                    .query("index", position, "The event's place.", isRequired: true),
                    .query("size", position, "Of which tree; without it the newest checkpoint's."),
                ],
                answers: [
                    .json(
                        "The audit path.",
                        .object([
                            .required("index", .count(17)), .required("size", .count(41)),
                            .required("leaf_hash", .base64), .required("hashes", .array(.base64)),
                            .optional(
                                "tlog_proof", .text("c2sp.org/tlog-proof@v1\n…"), "For the checkpoint's own size."),
                        ]))
                ], errors: [.badRequest, .notFound]),
            RouteDescription(
                "GET /v1/log/consistency", "showConsistency", "Proof that one tree extends another", "",
                [
                    .query("from", position, "The older tree's size.", isRequired: true),
                    .query("to", position, "The newer one's; without it the newest checkpoint's."),
                ],
                answers: [
                    .json(
                        "The consistency proof.",
                        .object([
                            .required("from", .count(17)), .required("to", .count(41)),
                            .required("hashes", .array(.base64)),
                            .optional("checkpoint", .text("nrx-ledger.example/…\n41\n…\n"), "For its own size."),
                        ]))
                ], errors: [.badRequest, .notFound]),
        ])

    private static let position = Schema.integer(0...Int64.max, example: 17)

    static func text(_ about: String, _ example: String) -> RouteDescription.Answer {
        RouteDescription.Answer(status: 200, about: about, content: [("text/plain", .text(example))])
    }
}
