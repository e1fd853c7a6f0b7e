import CanonicalJSON
import Ledger

extension RouteFamily {
    static let sessions = RouteFamily(
        "Sessions", "An ephemeral, isolated environment; commands in it; its end, and the proof of that.",
        [
            RouteDescription(
                "POST /v1/sessions", "createSession", "Start a session",
                "Namespaces, cgroup, tmpfs, syscall filter. Without `ttl_seconds` it lives as long as the plan allows.",
                body: .object([
                    .accepted("data_classification", .classification, "Chooses the provisions its proof refers to."),
                    .accepted(
                        "ttl_seconds", .integer(1...Int64(Int32.max), example: 300), "At most what the plan allows."),
                ]), bodyIsRequired: false,
                answers: [
                    .json(
                        201, "The session.",
                        .object([
                            .required("session_id", .sessionID), .required("status", .choice(["active"])),
                            .required("ttl_seconds", .count(300).orNull), .required("created_at", .time()),
                            .optional("environment", .environment, "With a test key."),
                        ]))
                ], errors: [.quotaExceeded, .conflict]),
            RouteDescription(
                "GET /v1/sessions", "listSessions", "List the sessions, dead or alive", "",
                RouteDescription.Parameter.page(after: .sessionID),
                answers: [
                    .json(
                        "A page, newest first.",
                        .page(
                            of: .object(
                                sessionMembers + [
                                    .required("ended_at", .time().orNull), .required("ended_by", .text("key_…").orNull),
                                    .required("exec_count", .count(3)),
                                ])))
                ], errors: [.badRequest]),
            RouteDescription(
                "GET /v1/sessions/:id", "showSession", "Show a session", "", [id],
                answers: [.json("The session.", .object(sessionMembers))], errors: [.notFound]),
            RouteDescription(
                "POST /v1/sessions/:id/exec", "execute", "Run a command",
                """
                Sensitive data goes into `input_data`, never into the command. With `Accept: text/event-stream` the output comes \
                as it is written: `stdout` and `stderr` events with `{"text"}`, then one `result` or `error`.
                """, [id],
                body: .object([
                    .required(
                        "command", .any(of: [command, .array(command).with("minItems", 1)]),
                        "For the shell, or a program and its arguments."),
                    .accepted("input_data", .text("name,diagnosis\n"), "Written to `input/data` before."),
                    .accepted(
                        "timeout", .integer(1...86_400, example: 10), "Seconds; at most what the session has left."),
                    .accepted(
                        "cwd", .text("/workspace", pattern: #"^/[^\u0000]*$"#),
                        "An absolute path without `..`, of a directory that is there."),
                    .accepted(
                        "env",
                        .map(.withoutNUL("C.UTF-8"), example: "LANG").with(
                            "propertyNames", ["pattern": #"^[^=\u0000]+$"#])),
                ]).showing(["command": "wc -l input/data", "input_data": "name,diagnosis\nJane Roe,J45.901\n"]),
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "How it ended.",
                        content: [
                            ("application/json", result),
                            ("text/event-stream", .text("event: stdout\ndata: {\"text\":\"2\\n\"}\n\n")),
                        ])
                ], errors: [.notFound, .conflict, .quotaExceeded]),
            RouteDescription(
                "DELETE /v1/sessions/:id", "destroySession", "Destroy a session and get the proof",
                "A repeat gets the same proof.", [id],
                answers: [
                    .json(
                        "It is destroyed; this is the proof.",
                        .object([
                            .required("session_id", .sessionID),
                            .required("status", .choice(SessionStatus.self, example: .destroyed)),
                            .required("cdp", ProofSchemas.proof), .required("regulatory_context", .anything),
                            .required("session_context", .anything),
                        ]))
                ], errors: [.notFound, .conflict]),
            RouteDescription(
                "GET /v1/sessions/:id/events", "listSessionEvents", "A session's timeline", "Oldest first.",
                [id] + EventSchemas.parameters,
                answers: [EventSchemas.answer("The events.", streams: false)], errors: [.notFound, .badRequest]),
        ])

    private static let id = RouteDescription.Parameter.path("id", .sessionID, "The session.")
    private static let command = Schema.withoutNUL("wc -l input/data", lengthMax: 131_072)

    private static let sessionMembers: [Schema.Member] = [
        .required("session_id", .sessionID), .required("status", .choice(SessionStatus.self, example: .active)),
        .required("ttl_seconds", .count(300).orNull), .required("created_at", .time()),
        .optional("environment", .environment, "On test data."), .required("data_classification", .classification),
    ]

    private static let result = Schema.object([
        .required("exit_code", .count(0), "128 and the signal's number, where one ended it."),
        .required("signal", .count(9).orNull), .required("stdout", .text("2 input/data\n"), "At most 1 MiB is kept."),
        .required("stderr", .text("")), .required("duration_seconds", .number(0.02)),
        .required("cpu_seconds", .number(0.01)), .required("timed_out", .flag(false)),
        .required("truncated", .flag(false)), .required("out_of_memory", .flag(false)),
        .required("stdout_bytes", .count(13)), .required("stderr_bytes", .count(0)),
        .required("peak_memory_bytes", .count(1_048_576)),
        .required(
            "receipt", .object([.required("salt", .base64), .required("sha256", .sha256)]),
            "SHA-256(salt ‖ command ‖ 0x00 ‖ input); only the hash is in the log."),
    ]).named("CommandResult")
}
