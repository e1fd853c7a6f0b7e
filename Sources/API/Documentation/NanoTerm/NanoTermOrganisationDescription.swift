import CanonicalJSON

extension RouteFamily {
    static let nanoTermOrganisation = RouteFamily(
        "NanoTerm keys and members", "Keys that begin with `nt_`, and who belongs to the organisation.", in: .nanoTerm,
        [
            RouteDescription(
                "GET /api/keys", "listNanoTermKeys", "List the keys", "",
                RouteDescription.Parameter.page(after: .keyID),
                answers: [.json("The keys.", .array(nanoTermKey))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/keys", "createNanoTermKey", "Make a key", "",
                body: .object([
                    .required("name", .label("laptop", max: 100)), .accepted("permission", .preset),
                    .accepted("expiresInDays", .integer(1...365, example: 30)),
                ]).showing(["name": "laptop"]),
                answers: [
                    .json(201, "The key, with `key` this once.", revealedNanoTermKey)
                ], errors: [.conflict]),
            RouteDescription(
                "DELETE /api/keys/:id", "revokeNanoTermKey", "Revoke a key, for ever", "",
                [.path("id", .keyID, "The key.")], answers: [.json("The key.", nanoTermKey)],
                errors: [.notFound, .conflict]),
            RouteDescription(
                "GET /api/org/members", "listNanoTermMembers", "List the members", "",
                RouteDescription.Parameter.page(after: .memberID),
                answers: [.json("The members.", .array(.anything))], errors: [.badRequest]),
            RouteDescription(
                "POST /api/org/members", "inviteNanoTermMember", "Ask somebody in", "",
                body: .object([.required("email", .email), .accepted("role", .role)]),
                answers: [.json(201, "The invitation, with its `token` this once.", .anything)], errors: [.conflict]),
        ])

    static let nanoTermPages = RouteFamily(
        "NanoTerm pages", "What there is, and what its errors mean.", in: .nanoTerm,
        [
            RouteDescription(
                "GET /api/info", "showInfo", "What this server offers",
                answers: [.json("Images, sizes, features and the oldest client that is spoken with.", .anything)]),
            page("GET /api/docs/errors", "showErrorCodes", "Every error code"),
            RouteDescription(
                "GET /api/docs/errors/:code", "showErrorCode", "One error code", "",
                [.path("code", .choice(NanoTermCode.allCases.map(\.rawValue), example: "NOT_FOUND"), "The code.")],
                answers: [html], errors: [.notFound]),
            page("GET /pricing", "showPricing", "The plans"),
        ])

    private static let html = RouteDescription.Answer(
        status: 200, about: "A page.", content: [("text/html", .text("<!doctype html>…"))])

    private static func page(_ route: String, _ id: String, _ summary: String) -> RouteDescription {
        RouteDescription(route, id, summary, answers: [html])
    }

    private static let keyMembers: [Schema.Member] = [
        .required("id", .keyID), .required("orgId", .customerID), .required("name", .text("laptop")),
        .required("prefix", .text("nt_live_a1b2")), .required("permission", .text("execute")),
        .required("createdAt", .time()), .required("expiresAt", Schema.time().orNull),
        .required("lastUsedAt", Schema.time().orNull), .required("revokedAt", Schema.time().orNull),
    ]
    private static let nanoTermKey = Schema.object(keyMembers).named("NanoTermKey")
    private static let revealedNanoTermKey = Schema.object(keyMembers + [.required("key", .secret("nt_"))])
        .named("RevealedNanoTermKey")
}
