import CanonicalJSON

extension RouteFamily {
    static let files = RouteFamily(
        "Files",
        "Files of a live session's workspace, streamed. Paths are resolved inside the sandbox, through no link.",
        [
            RouteDescription(
                "GET /v1/sessions/:id/files", "listFiles", "List a directory", "",
                [id, .query("path", .text("input"), "The directory; without it the workspace itself.")],
                answers: [
                    .json(
                        "Its entries.",
                        .object([
                            .required("path", .text("input")),
                            .required(
                                "data",
                                .array(
                                    .object([
                                        .required("name", .text("data")),
                                        .required("kind", .choice(["file", "directory", "link", "other"])),
                                        .required("size", .count(4_096), "Bytes."), .required("modified_at", .time()),
                                    ]))), .required("has_more", .flag(false)),
                        ]))
                ], errors: [.notFound, .conflict, .badRequest]),
            RouteDescription(
                "GET /v1/sessions/:id/files/**", "readFile", "Read a file", "", [id, path],
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "Its bytes.", content: [("application/octet-stream", .anything)])
                ], errors: [.notFound, .conflict, .badRequest]),
            RouteDescription(
                "PUT /v1/sessions/:id/files/**", "writeFile", "Store a file",
                "Parent directories are made; an upload that breaks off leaves nothing. At most what the workspace holds.",
                [id, path], body: .anything, bodyIsRequired: false, bodyType: "application/octet-stream",
                answers: [
                    .json(
                        201, "Stored.", .object([.required("path", .text("a/b.csv")), .required("size", .count(17))]))
                ], errors: [.notFound, .conflict, .badRequest]),
            RouteDescription(
                "DELETE /v1/sessions/:id/files/**", "deleteFile", "Remove a file or an empty directory", "",
                [id, path],
                answers: [
                    .json(
                        "Removed.", .object([.required("path", .text("a/b.csv")), .required("deleted", .flag())]))
                ], errors: [.notFound, .conflict, .badRequest]),
        ])

    private static let id = RouteDescription.Parameter.path("id", .sessionID, "The session.")
    private static let path = RouteDescription.Parameter.rest(
        "path", .withoutNUL("input/data", lengthMax: 4_096), "Percent-encoded; may hold slashes.")
}
