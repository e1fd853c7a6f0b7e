import CanonicalJSON
import Ledger

/// The OpenAPI 3.1 document: the route table, with what the descriptions say of each route.
///
/// Who may call a route, its body's limit, idempotency and the errors that follow from them are read from the route; a
/// description adds what it takes and answers. A route without a description, or a description without a route, is one
/// that ``disagreements`` names, and a test fails.
struct APIDocument: Sendable {
    let routes: [Route]
    let families: [RouteFamily]
    /// Names of routes that are not described, and of descriptions that no route fits.
    let disagreements: [String]

    init(routes: [Route], families: [RouteFamily] = RouteFamily.all) {
        self.routes = routes
        self.families = families
        let described = families.flatMap { $0.routes.map(\.route) }
        let present = routes.map(\.tableName)
        disagreements =
            Set(present).symmetricDifference(described).sorted()
            + Dictionary(grouping: described, by: { $0 }).filter { $0.value.count > 1 }.keys.sorted()
    }

    /// A route with its description and the family it belongs to.
    struct Operation: Sendable {
        let route: Route
        let description: RouteDescription
        let family: RouteFamily
    }

    /// The operations in the order of the families.
    var operations: [Operation] {
        let byName = Dictionary(routes.map { ($0.tableName, $0) }, uniquingKeysWith: { first, _ in first })
        return families.flatMap { family in
            family.routes.compactMap { description in
                byName[description.route].map { Operation(route: $0, description: description, family: family) }
            }
        }
    }

    /// The whole document.
    var json: JSONValue {
        let operations = operations
        var (paths, definitions) = (JSONObject(), [String: Schema]())
        for operation in operations {
            let path = operation.path
            var item = paths[path]?.object ?? JSONObject()
            item[operation.route.method.rawValue.lowercased()] = .object(operation.document)
            paths[path] = .object(item)
            definitions.merge(operation.definitions) { first, _ in first }
        }
        for dialect in DialectDescription.all { definitions.merge(dialect.error.definitions) { first, _ in first } }
        return [
            "openapi": "3.1.0", "info": Self.info,
            "servers": [["url": "/", "description": "This server."]],
            "tags": .array(
                families.map { ["name": .string($0.tag), "description": .string($0.about)] }),
            "paths": .object(paths),
            "components": [
                "schemas": .object(JSONObject(definitions.map { ($0.key, JSONValue.object($0.value.document)) })),
                "responses": .object(ErrorAnswers.components), "headers": ErrorAnswers.headers,
                "securitySchemes": Self.securitySchemes,
            ],
            "x-plans": PlanTable.document,
        ]
    }

    private static let info: JSONValue = [
        "title": "nrx-ledger", "version": "1",
        "summary": "Short-lived sandboxed sessions on sensitive data, and proof that the data was destroyed.",
        "description":
            """
        Every answer carries `X-Request-Id`, and `RateLimit` fields where a limit holds. Bodies are JSON; unknown \
        members are ignored, wrong types are refused with the member's path. Times are RFC 3339 in UTC. `HEAD` works \
        wherever `GET` does. Header fields: 16 KiB each, 32 KiB and 100 fields in all. A readable form is at `/docs`.
        """,
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
    ]

    private static let securitySchemes: JSONValue = [
        "bearer": [
            "type": "http", "scheme": "bearer",
            "description":
                "An API key of any dialect, or a member's access token. The names listed are the permissions it needs.",
        ],
        "cookie": [
            "type": "apiKey", "in": "cookie", "name": .string(MemberAuthenticator.cookieName),
            "description": "A signed-in member's access token, as browsers hold it.",
        ],
    ]
}

extension Route {
    /// Method and path, as descriptions name a route.
    var tableName: String { "\(method.rawValue) \(path)" }
}

extension JSONObject {
    init(_ members: [(String, JSONValue)]) {
        self.init()
        for (name, value) in members { self[name] = value }
    }
}

/// The table of plans, from the one that decides.
enum PlanTable {
    static var document: JSONValue {
        .object(
            JSONObject(
                Tier.allCases.map { tier in
                    (tier.rawValue, .object(JSONObject(rows.map { ($0.name, limit($0.value(Plan.of(tier)))) })))
                }))
    }

    /// A limit that does not exist is null.
    private static func limit(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }

    struct Row: Sendable {
        let name: String
        let title: String
        let value: @Sendable (Plan) -> Int64?
    }

    static let rows: [Row] = [
        Row(name: "requests_per_minute", title: "requests a minute") { $0.requestsPerMinute.map(Int64.init) },
        Row(name: "nanoterm_requests_per_minute", title: "requests a minute, keys nt_") {
            $0.nanoTermRequestsPerMinute.map(Int64.init)
        },
        Row(name: "nanda_requests_per_month", title: "requests a month, keys nanda_") {
            $0.nandaRequestsPerMonth.map(Int64.init)
        },
        Row(name: "concurrent_sessions", title: "concurrent sessions") { $0.concurrentSessions.map(Int64.init) },
        Row(name: "ttl_seconds_max", title: "longest life of a session, seconds") { $0.timeToLiveSecondsMax },
        Row(name: "cdps_per_month", title: "proofs a month") { $0.proofsPerMonth.map(Int64.init) },
        Row(name: "compute_hours_per_month", title: "compute hours a month") {
            $0.computeHoursPerMonth.map(Int64.init)
        },
        Row(name: "memory_bytes", title: "memory of a session, bytes") { $0.memoryBytes },
        Row(name: "workspace_bytes", title: "workspace of a session, bytes") { $0.workspaceBytes },
        Row(name: "backups", title: "backups kept") { $0.backups.map(Int64.init) },
        Row(name: "agents", title: "agents in the registry") { $0.agents.map(Int64.init) },
        Row(name: "members", title: "members") { $0.members.map(Int64.init) },
    ]
}
