import CanonicalJSON

extension DialectDescription {
    static let nanoTerm = DialectDescription(
        dialect: .nanoTerm, title: "NanoTerm",
        error: .object([
            .required(
                "error",
                .object([
                    .required(
                        "code", .choice(NanoTermCode.allCases.map(\.rawValue), example: "WORKSPACE_NOT_FOUND"),
                        "Stable; what programs look at."),
                    .required("message", .text("Workspace 'ws_abc' not found.")),
                    .required("action", .text("Check the ID or list workspaces with GET /api/workspaces.")),
                    .required("retryable", .flag(false), "Whether the same request might succeed later."),
                    .required("docs", .text("/api/docs/errors/WORKSPACE_NOT_FOUND"), "The page of the code."),
                    .optional("field", .text("name"), "The member that is wrong."),
                ]))
        ]).named("NanoTermError"),
        // A client that is too old is told so wherever it asks.
        everywhere: [.upgradeRequired])
}

extension RouteFamily {
    static let nanoTermWorkspaces = RouteFamily(
        "NanoTerm workspaces", "Sessions as NanoTerm's clients know them (docs/dialects.md).", in: .nanoTerm,
        [
            RouteDescription(
                "GET /api/workspaces", "listWorkspaces", "List the live workspaces", "Newest first.",
                answers: [.json("The workspaces.", .array(workspace))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/workspaces", "createWorkspace", "Make a workspace", "",
                body: .object([
                    .accepted("name", .text("work", length: 1...63, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$")),
                    .accepted("image", .choice(WorkspaceOffer.images)),
                    .accepted("size", .choice(WorkspaceOffer.sizes.map(\.name), example: "xs")),
                ]), bodyIsRequired: false, answers: [.json(201, "The workspace.", workspace)],
                errors: [.conflict, .notSupported, .rateLimited]),
            RouteDescription(
                "GET /api/workspaces/:id", "showWorkspace", "Look at a workspace", "", [id],
                answers: [.json("The workspace.", workspace)], errors: [.notFound]),
            RouteDescription(
                "DELETE /api/workspaces/:id", "deleteWorkspace", "Destroy a workspace", "The answer holds the proof.",
                [id],
                answers: [
                    .json(
                        "Destroyed.",
                        .object([
                            .required("id", .text("ws_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")),
                            .required("status", .text("destroyed")), .required("cdp", .anything, "The proof."),
                        ]))
                ], errors: [.notFound, .conflict]),
            RouteDescription(
                "POST /api/workspaces/:id/exec", "execInWorkspace", "Run a program", "There is no shell.", [id],
                body: .object([
                    .required("command", .array(.withoutNUL("ls"))),
                    .accepted("cwd", .text("/workspace")), .accepted("timeout", .count(60), "Seconds."),
                ]),
                answers: [
                    .json(
                        "It ended.",
                        .object([
                            .required("stdout", .text("")), .required("stderr", .text("")),
                            .required("exitCode", .count(0)), .required("timedOut", .flag(false)),
                            .required("truncated", .flag(false)), .required("outOfMemory", .flag(false)),
                            .required("durationMs", .count(7)),
                        ]))
                ], errors: [.notFound, .conflict]),
            RouteDescription(
                "GET /api/workspaces/:id/diff", "diffWorkspace", "What a workspace holds beyond its beginning", "",
                [id],
                answers: [
                    .json(
                        "Everything in it, text as a unified diff.",
                        .object([
                            .required("files", .array(.anything)), .required("diff", .text("")),
                            .required("truncated", .flag(false)),
                        ]))
                ], errors: [.notFound, .conflict, .badRequest]),
            RouteDescription(
                "POST /api/workspaces/:id/snapshots", "snapshotWorkspace", "Snapshots, which are not taken", "", [id],
                answers: [.empty(501, "This server takes none.")], errors: [.notFound, .notSupported]),
            RouteDescription(
                "GET /api/workspaces/:id/terminal", "openTerminal", "A shell on a real terminal",
                """
                A WebSocket (RFC 6455, HTTP/1.1). `Authorization`, or `?token=` for browsers, on the handshake alone. Frames: \
                docs/dialects.md. A plain request gets 426.
                """, [id], answers: [.empty(101, "It is a WebSocket from here on.")],
                errors: [.notFound, .upgradeRequired, .badRequest]),
        ])

    static let nanoTermFiles = RouteFamily(
        "NanoTerm files", "Files of a live workspace, streamed.", in: .nanoTerm,
        [
            RouteDescription(
                "GET /api/workspaces/:id/files", "listWorkspaceFiles", "List a directory", "",
                [id, .query("path", .text("src"), "The directory; without it the workspace itself.")],
                answers: [
                    .json(
                        "Its entries.",
                        .object([
                            .required(
                                "files",
                                .array(
                                    .object([
                                        .required("name", .text("a.txt")), .required("size", .count(7)),
                                        .required("isDirectory", .flag(false)), .required("mtime", .text("…")),
                                    ])))
                        ]))
                ], errors: [.notFound, .badRequest, .conflict]),
            RouteDescription(
                "GET /api/workspaces/:id/files/**", "readWorkspaceFile", "Read a file", "", [id, file],
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "Its bytes.", content: [("application/octet-stream", .anything)])
                ], errors: [.notFound, .badRequest, .conflict]),
            RouteDescription(
                "PUT /api/workspaces/:id/files/**", "writeWorkspaceFile", "Store a file", "", [id, file],
                body: .anything, bodyIsRequired: false, bodyType: "application/octet-stream",
                answers: [
                    .json(
                        "Stored.",
                        .object([
                            .required("ok", .flag()), .required("bytes", .count(7)), .required("mtime", .text("…")),
                        ]))
                ], errors: [.notFound, .badRequest, .conflict]),
            RouteDescription(
                "DELETE /api/workspaces/:id/files/**", "deleteWorkspaceFile", "Remove a file", "", [id, file],
                answers: [.json("Removed.", .object([.required("ok", .flag())]))],
                errors: [.notFound, .badRequest, .conflict]),
        ])

    /// Whatever the server inside answers: any status and type.
    static let nanoTermProxy = RouteFamily(
        "NanoTerm proxy", "A server that listens inside a workspace. What comes is its answer.", in: .nanoTerm,
        Route.Method.allCases.flatMap { method in
            let verb = method.rawValue.lowercased()
            let port = RouteDescription.Parameter.path(
                "port", .integer(1...65_535, example: 8_000), "Where it listens.")
            return [
                RouteDescription(
                    "\(method.rawValue) /api/workspaces/:id/proxy/:port", "\(verb)PortRoot",
                    "\(method.rawValue) / of a server inside", "", [id, port],
                    answers: [.empty(200, "Whatever it answers.")], errors: [.notFound, .badRequest, .conflict],
                    otherErrors: [(502, "Nothing answers on the port.")]),
                RouteDescription(
                    "\(method.rawValue) /api/workspaces/:id/proxy/:port/**", "\(verb)Port",
                    "\(method.rawValue) a path of a server inside", "",
                    [id, port, .rest("path", .text("index.html"), "As it was sent.")],
                    answers: [.empty(200, "Whatever it answers.")], errors: [.notFound, .badRequest, .conflict],
                    otherErrors: [(502, "Nothing answers on the port.")]),
            ]
        })

    private static let workspace = Schema.object([
        .required("id", .text("ws_a8f3e71c4b2d9f06a8f3e71c4b2d9f06", pattern: "^ws_[0-9a-f]{32}$")),
        .required("name", .text("work")), .required("image", .text(WorkspaceOffer.image)),
        .required("size", Schema.text("xs").orNull), .required("status", .text("running")),
        .required("ports", .array(.count(8_080))), .required("createdAt", .time()),
        .required("expiresAt", Schema.time().orNull),
    ]).named("NanoTermWorkspace")
    private static let id = RouteDescription.Parameter.path(
        "id", .text("ws_a8f3e71c4b2d9f06a8f3e71c4b2d9f06"), "The workspace.")
    private static let file = RouteDescription.Parameter.rest(
        "path", .withoutNUL("src/a.txt", lengthMax: 4_096), "Percent-encoded; may hold slashes.")
}
