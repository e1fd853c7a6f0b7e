import CanonicalJSON
import Sandbox

extension RouteFamily {
    static let service = RouteFamily(
        "Service", "What works right now, and this document.",
        [
            health("GET /v1/health", "showHealth"),
            RouteDescription(
                "GET /openapi.json", "showDocument", "This document",
                answers: [.json("OpenAPI 3.1.", .object([.required("openapi", .text("3.1.0"))]))]),
            RouteDescription(
                "GET /verify", "showVerifyPage", "A page that checks proofs in the browser",
                "Everything is checked there; the page can connect to nothing.",
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "HTML.", content: [("text/html", .text("<!doctype html>…"))])
                ]),
            RouteDescription(
                "GET /docs", "showDocumentation", "This document, to read",
                "One page that loads nothing from anywhere.",
                answers: [
                    RouteDescription.Answer(
                        status: 200, about: "HTML.", content: [("text/html", .text("<!doctype html>…"))])
                ]),
        ])

    /// Native and NANDA clients ask at different paths for the same.
    static func health(_ route: String, _ id: String) -> RouteDescription {
        RouteDescription(
            route, id, "What works right now", "Each flag is a check made on this request (docs/api.md, Health).",
            answers: [
                .json("All of it.", healthSchema), .json(503, "Not all of it; the flags say what.", healthSchema),
            ])
    }

    private static let healthSchema = Schema.object([
        .required("status", .choice(["healthy", "degraded"])),
        .required(
            "engines",
            .object(["eee", "dire", "rzl", "fgx", "ave"].map { .required($0, .flag()) })),
        .required("database", .flag()), .required("uptime_seconds", .count(86_400)), .required("timestamp", .time()),
        .required("region", .text("eu")),
        .required(
            "layers",
            .array(
                .object([
                    .required("name", .choice(Layer.self, example: .cgroupLimits)), .required("available", .flag()),
                ]))),
    ]).named("Health")
}
