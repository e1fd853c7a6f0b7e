import CanonicalJSON

extension DialectDescription {
    static let nurosentrix = DialectDescription(
        dialect: .nurosentrix, title: "Nurosentrix",
        error: .object([
            .required("success", .flag(false)),
            .required(
                "error",
                .object([
                    .required("code", .text("NOT_FOUND"), "Stable; what programs look at."),
                    .required("message", .text("Instance not found.")),
                    .optional(
                        "details",
                        .array(
                            .object([
                                .required("field", Schema.text("name").orNull),
                                .required("reason", .text("`name` is required.")),
                            ])), "For 400: what is wrong where."),
                ])),
        ]).named("NurosentrixError"))
}

extension RouteFamily {
    private static func one(_ data: Schema) -> Schema {
        .object([.required("success", .flag()), .required("data", data)])
    }

    private static func list(_ row: Schema) -> Schema {
        .object([
            .required("success", .flag()), .required("data", .array(row)),
            .required(
                "meta",
                .object([
                    .required("page", .count(1)), .required("per_page", .count(20)), .required("total", .count(1)),
                ])),
        ])
    }

    private static let pages: [RouteDescription.Parameter] = [
        .query("page", .integer(1...1_000_000, example: 1), "From 1."),
        .query("per_page", .integer(1...100, example: 20), "Rows of one."),
    ]

    private static func id(_ example: String, _ about: String) -> [RouteDescription.Parameter] {
        [.path("id", .text(example + "_a8f3e71c4b2d9f06a8f3e71c4b2d9f06"), about)]
    }

    static let nurosentrixTokens = RouteFamily(
        "Nurosentrix tokens", "Signing in, and tokens that begin with `nsx_` (docs/dialects.md).", in: .nurosentrix,
        [
            RouteDescription(
                "POST /auth/login", "signInToNurosentrix", "Sign in with a password", "Also sets the sign-in cookie.",
                body: .object([.required("email", .email), .required("password", .password)]),
                answers: [.json("Signed in.", one(.anything))], errors: [.unauthorized]),
            RouteDescription(
                "GET /api/v1/permissions", "listNurosentrixPermissions", "What tokens can be allowed",
                answers: [.json("The permissions.", one(.array(.anything)))]),
            RouteDescription(
                "GET /api/v1/tokens", "listTokens", "List the tokens", "", pages,
                answers: [.json("The tokens.", list(.anything))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/v1/tokens", "createToken", "Make a token", "",
                body: .object([
                    .required("name", .label("ci", max: 100)), .accepted("environment", .environment),
                    .accepted("permissions", .array(.text("servers:read"))),
                    .accepted("expires_at", .moment, "In the future."),
                ]).showing(["name": "ci"]), answers: [.json(201, "The token, with `token` this once.", one(.anything))],
                errors: [.conflict]),
            RouteDescription(
                "GET /api/v1/tokens/:id", "showToken", "Look at a token", "", id("key", "The token."),
                answers: [.json("The token.", one(.anything))], errors: [.notFound]),
            RouteDescription(
                "DELETE /api/v1/tokens/:id", "revokeToken", "Revoke a token, for ever", "", id("key", "The token."),
                answers: [.json("The token.", one(.anything))], errors: [.notFound, .conflict]),
            RouteDescription(
                "GET /api/v1/settings", "showSettings", "The account's settings",
                answers: [.json("The settings.", one(.anything))]),
            RouteDescription(
                "PATCH /api/v1/settings", "changeSettings", "Change the account's settings", "",
                body: .object([
                    .accepted("organisation", .label("Hospital", max: 200)),
                    .accepted("jurisdiction", .jurisdiction),
                ]), answers: [.json("The settings.", one(.anything))], errors: [.conflict]),
        ])

    static let nurosentrixMachines = RouteFamily(
        "Nurosentrix servers and instances", "The node that runs sessions, and sessions.", in: .nurosentrix,
        [
            RouteDescription(
                "GET /api/v1/servers", "listServers", "List the servers", "", pages,
                answers: [.json("This one.", list(.anything))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/v1/servers", "registerServer", "Register a server, which needs a cluster", "",
                body: .anything, bodyIsRequired: false, answers: [.empty(501, "There is no cluster.")],
                errors: [.notSupported]),
            RouteDescription(
                "GET /api/v1/servers/:id", "showServer", "Look at a server", "", id("srv", "The server."),
                answers: [.json("The server.", one(.anything))], errors: [.notFound]),
            RouteDescription(
                "PATCH /api/v1/servers/:id", "changeServer", "Change a server, which its operator does", "",
                id("srv", "The server."), body: .anything, bodyIsRequired: false,
                answers: [.empty(501, "Its operator does.")], errors: [.notFound, .notSupported]),
            RouteDescription(
                "DELETE /api/v1/servers/:id", "deleteServer", "Delete a server, which its operator does", "",
                id("srv", "The server."), answers: [.empty(501, "Its operator does.")],
                errors: [.notFound, .notSupported]),
            RouteDescription(
                "GET /api/v1/instances", "listInstances", "List the live instances", "", pages,
                answers: [.json("The instances.", list(.anything))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/v1/instances", "createInstance", "Make an instance", "",
                body: .object([
                    .accepted("name", .text("work", length: 1...63)), .accepted("server_id", .text("srv_…")),
                    .accepted("ttl_seconds", .count(300)),
                ]).showing(["ttl_seconds": 300]), bodyIsRequired: false,
                answers: [.json(201, "The instance.", one(.anything))],
                errors: [.conflict, .notFound, .quotaExceeded, .rateLimited]),
            RouteDescription(
                "GET /api/v1/instances/:id", "showInstance", "Look at an instance", "", id("inst", "The instance."),
                answers: [.json("The instance.", one(.anything))], errors: [.notFound]),
            RouteDescription(
                "PATCH /api/v1/instances/:id", "changeInstance", "Change an instance, which nobody can", "",
                id("inst", "The instance."), body: .anything, bodyIsRequired: false,
                answers: [.empty(501, "It stays as it was made.")], errors: [.notFound, .notSupported]),
            RouteDescription(
                "DELETE /api/v1/instances/:id", "deleteInstance", "Destroy an instance", "With the proof as `cdp`.",
                id("inst", "The instance."), answers: [.json("Destroyed.", one(.anything))],
                errors: [.notFound, .conflict]),
            action("start", "Start an instance", "409 that says why: what it held is gone when it ends."),
            RouteDescription(
                "POST /api/v1/instances/:id/stop", "stopInstance", "Destroy an instance", "With the proof as `cdp`.",
                id("inst", "The instance."), body: .anything, bodyIsRequired: false,
                answers: [.json("Destroyed.", one(.anything))], errors: [.notFound, .conflict]),
            action("restart", "Restart an instance", "409 that says why: what it held is gone when it ends."),
        ])

    private static func action(_ verb: String, _ summary: String, _ about: String) -> RouteDescription {
        RouteDescription(
            "POST /api/v1/instances/:id/\(verb)", "\(verb)Instance", summary, about,
            id("inst", "The instance."), body: .anything, bodyIsRequired: false,
            answers: [.empty(409, "It cannot.")], errors: [.notFound, .conflict])
    }

    static let nurosentrixBackups = RouteFamily(
        "Nurosentrix backups", "Verified copies of the log and its keys, made in the background.", in: .nurosentrix,
        [
            RouteDescription(
                "GET /api/v1/backups", "listBackups", "List the backups", "Newest first.", pages,
                answers: [.json("The backups.", list(backup))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/v1/backups", "createBackup", "Begin a backup", "", body: .anything, bodyIsRequired: false,
                answers: [.json(202, "It is being made.", one(backup))], errors: [.conflict]),
            RouteDescription(
                "GET /api/v1/backups/:id", "showBackup", "Look at a backup", "", id("bkp", "The backup."),
                answers: [.json("The backup.", one(backup))], errors: [.notFound]),
            RouteDescription(
                "DELETE /api/v1/backups/:id", "deleteBackup", "Delete a backup", "What was restored from it stays.",
                id("bkp", "The backup."), answers: [.json("Deleted.", one(.anything))],
                errors: [.notFound, .conflict]),
            RouteDescription(
                "POST /api/v1/backups/:id/restore", "restoreBackup", "Put a backup into a fresh directory", "",
                id("bkp", "The backup."), body: .anything, bodyIsRequired: false,
                answers: [.json(202, "It is being restored.", one(backup))], errors: [.notFound, .conflict]),
        ])

    private static let backup = Schema.object([
        .required("id", .text("bkp_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")),
        .required("status", .choice(["running", "completed", "failed"])),
        .required("progress", .integer(0...100, example: 100), "Percent."), .required("created_at", .time()),
        .optional("completed_at", .time()), .optional("verified", .flag()),
        .optional("size_bytes", .count(42_908)), .optional("events", .count(10)), .optional("root", .sha256),
        .optional("error", .choice(["interrupted", "damaged", "disk_full", "io"])),
        .optional("directory", .text("restores/rst_…"), "Of a restore, beneath the data directory."),
        .optional("backup_id", .text("bkp_…")), .optional("restores", .array(.anything)),
    ]).named("NurosentrixBackup")
}
