import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Projections
import Proofs
import ServerFixtures
import Testing

@testable import API

/// Every route there is, and what each kind of caller gets from it. A route without a row fails.
@Suite("The route table", .serialized, .timeLimit(.minutes(10)))
struct RouteTableTests {
    /// What callers get from one route that is asked about the first tenant's things.
    struct Row {
        /// The path with ids in it.
        let path: String
        var body: JSONValue?
        /// Nil for a public route, and for one of signed-in members.
        let needs: Permissions?
        /// Whether it is for signed-in members, and for no key.
        var isForMembers = false
        /// With a key of the owner that may do this.
        let owner: Int
        /// With a key of somebody else, or of the owner's test data.
        let stranger: Int
        /// With a key of the owner's test data, where that differs.
        var testKey: Int?

        var isNative: Bool { Dialect.speaking(at: path).name == Dialect.native.name }
        var isNurosentrix: Bool { Dialect.speaking(at: path).name == Dialect.nurosentrix.name }
    }

    /// Ids of the first tenant's things. The session has ended long ago, as far as these requests can tell: its id is
    /// one that the ledger knows and that has no environment.
    struct Things {
        let session: String
        let apiKey: String
        var member = "mem_00000000000000000000000000000000"
        var invitation = "inv_00000000000000000000000000000000"
        var nandaKey = "key_00000000000000000000000000000000"
        var nexoraKey = "00000000-0000-0000-0000-000000000000"
    }

    static func rows(_ things: Things) -> [String: Row] {
        [
            "POST /v1/signup": Row(path: "/v1/signup", body: [:], needs: nil, owner: 400, stranger: 400),
            "POST /v1/verify": Row(path: "/v1/verify", body: [:], needs: nil, owner: 400, stranger: 400),
            "GET /v1/keys/:id": Row(path: "/v1/keys/none", needs: nil, owner: 404, stranger: 404),
            "GET /v1/health": Row(path: "/v1/health", needs: nil, owner: 503, stranger: 503),
            "GET /verify": Row(path: "/verify", needs: nil, owner: 200, stranger: 200),
            "GET /v1/log/checkpoint": Row(path: "/v1/log/checkpoint", needs: nil, owner: 200, stranger: 200),
            "GET /v1/log/tile/**": Row(path: "/v1/log/tile/0/999", needs: nil, owner: 404, stranger: 404),
            "GET /v1/log/inclusion": Row(path: "/v1/log/inclusion?index=0", needs: nil, owner: 200, stranger: 200),
            "GET /v1/log/consistency": Row(path: "/v1/log/consistency?from=0", needs: nil, owner: 200, stranger: 200),
            "POST /v1/sessions": Row(
                path: "/v1/sessions", body: [:], needs: .sessionsWrite, owner: 503, stranger: 503),
            "GET /v1/sessions/:id": Row(
                path: "/v1/sessions/\(things.session)", needs: .sessionsRead, owner: 200, stranger: 404),
            "DELETE /v1/sessions/:id": Row(
                path: "/v1/sessions/\(things.session)", needs: .sessionsWrite, owner: 409, stranger: 404),
            "POST /v1/sessions/:id/exec": Row(
                path: "/v1/sessions/\(things.session)/exec", body: ["command": "true"], needs: .sessionsExec,
                owner: 409, stranger: 404),
            "GET /v1/proofs/:session_id": Row(
                path: "/v1/proofs/\(things.session)", needs: .proofsRead, owner: 404, stranger: 404),
            "GET /v1/sessions": Row(path: "/v1/sessions", needs: .sessionsRead, owner: 200, stranger: 200),
            "GET /v1/sessions/:id/files": Row(
                path: "/v1/sessions/\(things.session)/files", needs: .filesRead, owner: 409, stranger: 404),
            "GET /v1/sessions/:id/files/**": Row(
                path: "/v1/sessions/\(things.session)/files/a", needs: .filesRead, owner: 409, stranger: 404),
            "PUT /v1/sessions/:id/files/**": Row(
                path: "/v1/sessions/\(things.session)/files/a", needs: .filesWrite, owner: 409, stranger: 404),
            "DELETE /v1/sessions/:id/files/**": Row(
                path: "/v1/sessions/\(things.session)/files/a", needs: .filesWrite, owner: 409, stranger: 404),
            "GET /v1/sessions/:id/events": Row(
                path: "/v1/sessions/\(things.session)/events", needs: .logsRead, owner: 200, stranger: 404),
            "GET /v1/events": Row(path: "/v1/events", needs: .logsRead, owner: 200, stranger: 200),
            "GET /v1/proofs": Row(path: "/v1/proofs", needs: .proofsRead, owner: 200, stranger: 200),
            "GET /v1/usage": Row(path: "/v1/usage", needs: .usageRead, owner: 200, stranger: 200),
            "GET /v1/customers/me": Row(path: "/v1/customers/me", needs: .accountRead, owner: 200, stranger: 200),
            "PATCH /v1/customers/me": Row(
                path: "/v1/customers/me", body: [:], needs: .accountWrite, owner: 400, stranger: 400, testKey: 403),
            "DELETE /v1/customers/me": Row(
                path: "/v1/customers/me", body: [:], needs: .accountWrite, owner: 400, stranger: 400),
            "POST /v1/billing/checkout": Row(
                path: "/v1/billing/checkout", body: [:], needs: .accountWrite, owner: 400, stranger: 400),
            "POST /v1/billing/webhook": Row(
                path: "/v1/billing/webhook", body: [:], needs: nil, owner: 501, stranger: 501),
            "POST /v1/auth/login": Row(path: "/v1/auth/login", body: [:], needs: nil, owner: 400, stranger: 400),
            "POST /v1/auth/refresh": Row(path: "/v1/auth/refresh", body: [:], needs: nil, owner: 400, stranger: 400),
            "POST /v1/auth/logout": Row(
                path: "/v1/auth/logout", body: [:], needs: nil, isForMembers: true, owner: 403, stranger: 403),
            "GET /v1/auth/me": Row(path: "/v1/auth/me", needs: nil, isForMembers: true, owner: 403, stranger: 403),
            "POST /v1/auth/password": Row(
                path: "/v1/auth/password", body: [:], needs: nil, isForMembers: true, owner: 403, stranger: 403),
            "POST /v1/auth/password/reset": Row(
                path: "/v1/auth/password/reset", body: [:], needs: nil, owner: 400, stranger: 400),
            "GET /.well-known/jwks.json": Row(
                path: "/.well-known/jwks.json", needs: nil, owner: 200, stranger: 200),
            "GET /v1/members": Row(path: "/v1/members", needs: .membersRead, owner: 200, stranger: 200, testKey: 403),
            "GET /v1/members/:id": Row(
                path: "/v1/members/\(things.member)", needs: .membersRead, owner: 200, stranger: 404, testKey: 403),
            "PATCH /v1/members/:id": Row(
                path: "/v1/members/\(things.member)", body: ["role": "admin"], needs: .membersWrite, owner: 409,
                stranger: 404, testKey: 403),
            "DELETE /v1/members/:id": Row(
                path: "/v1/members/\(things.member)", needs: .membersWrite, owner: 409, stranger: 404, testKey: 403),
            "GET /v1/invitations": Row(
                path: "/v1/invitations", needs: .membersRead, owner: 200, stranger: 200, testKey: 403),
            "POST /v1/invitations": Row(
                path: "/v1/invitations", body: [:], needs: .membersWrite, owner: 400, stranger: 400),
            "GET /v1/invitations/:id": Row(
                path: "/v1/invitations/\(things.invitation)", needs: .membersRead, owner: 200, stranger: 404,
                testKey: 403),
            "DELETE /v1/invitations/:id": Row(
                path: "/v1/invitations/\(things.invitation)", needs: .membersWrite, owner: 200, stranger: 404,
                testKey: 403),
            "POST /v1/invitations/accept": Row(
                path: "/v1/invitations/accept", body: [:], needs: nil, owner: 400, stranger: 400),
            "GET /v1/api-keys": Row(path: "/v1/api-keys", needs: .keysRead, owner: 200, stranger: 200),
            "POST /v1/api-keys": Row(path: "/v1/api-keys", body: [:], needs: .keysWrite, owner: 400, stranger: 400),
            "GET /v1/api-keys/:id": Row(
                path: "/v1/api-keys/\(things.apiKey)", needs: .keysRead, owner: 200, stranger: 404),
            // The rows are asked in the order of their names: this key is revoked by then.
            "PATCH /v1/api-keys/:id": Row(
                path: "/v1/api-keys/\(things.apiKey)", body: ["name": "renamed"], needs: .keysWrite, owner: 409,
                stranger: 404),
            "POST /v1/api-keys/:id/rotate": Row(
                path: "/v1/api-keys/\(things.apiKey)/rotate", body: [:], needs: .keysWrite, owner: 409, stranger: 404),
            "DELETE /v1/api-keys/:id": Row(
                path: "/v1/api-keys/\(things.apiKey)", needs: .keysWrite, owner: 200, stranger: 404),
        ].merging(guestRows(things)) { first, _ in first }
    }

    /// Those of the other dialects. The registry's reads are open, and that an agent exists is no secret.
    private static func guestRows(_ things: Things) -> [String: Row] {
        let nexora = "/api/users/me/api-keys"
        return [
            "GET /openapi.json": Row(path: "/openapi.json", needs: nil, owner: 200, stranger: 200),
            "GET /docs": Row(path: "/docs", needs: nil, owner: 200, stranger: 200),
            "GET /health": Row(path: "/health", needs: nil, owner: 503, stranger: 503),
            "GET /list": Row(path: "/list", needs: nil, owner: 200, stranger: 200),
            "GET /search": Row(path: "/search", needs: nil, owner: 200, stranger: 200),
            "GET /stats": Row(path: "/stats", needs: nil, owner: 200, stranger: 200),
            "GET /reputation": Row(path: "/reputation", needs: nil, owner: 200, stranger: 200),
            "GET /lookup/:id": Row(path: "/lookup/nobody", needs: nil, owner: 404, stranger: 404),
            "GET /agentfacts/:id": Row(path: "/agentfacts/nobody", needs: nil, owner: 404, stranger: 404),
            "POST /register": Row(path: "/register", body: [:], needs: .agentsWrite, owner: 400, stranger: 400),
            "PUT /agentfacts/:id": Row(
                path: "/agentfacts/nobody", body: ["label": "x"], needs: .agentsWrite, owner: 404, stranger: 404,
                testKey: 403),
            "PUT /agents/:id/status": Row(
                path: "/agents/nobody/status", body: ["alive": true], needs: .agentsWrite, owner: 404, stranger: 404,
                testKey: 403),
            "DELETE /agents/:id": Row(
                path: "/agents/route-table", needs: .agentsWrite, owner: 200, stranger: 403),
            "GET /api/developers/keys": Row(
                path: "/api/developers/keys", needs: .keysRead, owner: 200, stranger: 200),
            "POST /api/developers/keys": Row(
                path: "/api/developers/keys", body: [:], needs: .keysWrite, owner: 400, stranger: 400),
            "DELETE /api/developers/keys/:id": Row(
                path: "/api/developers/keys/\(things.nandaKey)", needs: .keysWrite, owner: 200, stranger: 404),
            "GET /api/agents": Row(path: "/api/agents", needs: .agentsRead, owner: 200, stranger: 200),
            "GET /api/users/me/api-keys": Row(path: nexora, needs: .keysRead, owner: 200, stranger: 200),
            "POST /api/users/me/api-keys": Row(
                path: nexora, body: [:], needs: .keysWrite, owner: 422, stranger: 422),
            // Revoked by then.
            "POST /api/users/me/api-keys/:id/rotate": Row(
                path: "\(nexora)/\(things.nexoraKey)/rotate", body: [:], needs: .keysWrite, owner: 409, stranger: 404),
            "DELETE /api/users/me/api-keys/:id": Row(
                path: "\(nexora)/\(things.nexoraKey)", needs: .keysWrite, owner: 204, stranger: 404),
            "POST /api/auth/login": Row(path: "/api/auth/login", body: [:], needs: nil, owner: 422, stranger: 422),
            "POST /api/auth/refresh": Row(
                path: "/api/auth/refresh", body: [:], needs: nil, owner: 422, stranger: 422),
            "GET /api/ws/:chat_id": Row(path: "/api/ws/none", needs: nil, owner: 426, stranger: 426),
        ].merging(nanoTermRows(things)) { first, _ in first }.merging(nurosentrixRows(things)) { first, _ in first }
    }

    @Test("every route declares who may call it, and is in the table with exactly that permission")
    func everyRouteHasARow() async throws {
        try await TestServer.with { server in
            let rows = Self.rows(Things(session: "", apiKey: ""))
            let routes = server.server.routes
            #expect(Set(routes.map(\.name)) == Set(rows.keys))
            #expect(routes.count == Set(routes.map(\.name)).count, "no route is declared twice")
            for route in routes {
                switch route.access {
                case .public:
                    #expect(rows[route.name]?.needs == nil && rows[route.name]?.isForMembers == false, "\(route.name)")
                case .member:
                    #expect(rows[route.name]?.needs == nil && rows[route.name]?.isForMembers == true, "\(route.name)")
                case .operator: Issue.record("\(route.name) belongs on the administration socket")
                case .optionalKey: Issue.record("\(route.name) can be used without a key, though keys are required")
                case .key(let permissions):
                    #expect(rows[route.name]?.needs == permissions, "\(route.name)")
                    #expect(!permissions.isEmpty, "\(route.name) needs a key that may do nothing")
                }
            }
        }
    }

    @Test(
        "no key, a malformed, unknown, revoked or expired one: 401 everywhere but on public routes, and nothing happens"
    )
    func callersWithoutAValidKey() async throws {
        try await TestServer.with { server in
            let (key, things) = try await Self.populate(server)
            let revoked = try await server.issueKey(key, ["name": "revoked"])
            _ = try await server.send(.delete, "/v1/api-keys/\(revoked.id)", key: key)
            let expired = try await server.issueKey(key, ["name": "expired", "expires_at": "2026-03-01T15:00:00Z"])
            #expect(try await server.send(.get, "/v1/customers/me", key: expired.text).status == 200)
            server.clock.advance(seconds: 3_600)
            let mistyped = String(key.dropLast()) + (key.last == "a" ? "b" : "a")
            let unknown = try NewAPIKey(prefix: .nanorixLive, name: "unknown", permissions: .full).text
            let headers = [
                "", "Bearer", "Bearer ", "Bearer  ", "Bearer nrx_live_", "Basic \(key)", key,
                "Bearer \(key),\(key)", "Bearer \(mistyped)", "Bearer \(unknown)", "Bearer \(revoked.text)",
                "Bearer \(expired.text)", "Bearer \(key.uppercased())",
            ]
            // The first refusal of a known key on a day is recorded for its owner, none after it.
            for header in headers {
                _ = try await server.send(.get, "/v1/customers/me", headers: [("Authorization", header)])
            }
            try await server.settle()
            try await server.expectStillness {
                for (name, row) in Self.rows(things) {
                    let isOpen = row.needs == nil && !row.isForMembers
                    for header in [nil] + headers.map(Optional.some) {
                        let answer = try await server.ask(name, row, header: header)
                        // A public route does not look at the key.
                        let expected = isOpen ? row.owner : 401
                        #expect(answer.status == expected, "\(name) with \(header ?? "no header"): \(answer)")
                        if !isOpen, row.isNative { #expect(answer["error"] == "Unauthorized") }
                    }
                    guard !isOpen else { continue }
                    let query = try await server.send(
                        try #require(HTTPRequest.Method(rawValue: String(name.prefix { $0 != " " }))),
                        row.path + "?token=\(key)", bytes: row.body?.canonicalBytes)
                    #expect(query.status == 401, "\(name) with the key in the query")
                }
            }
        }
    }

    @Test(
        "a key without the permission gets 403; another tenant's and a test key get what a thing that is not there gets"
    )
    func callersWithAKey() async throws {
        try await TestServer.with { server in
            let (key, things) = try await Self.populate(server)
            let stranger = try await server.signUp("somebody@else.com")
            let testKey = try await server.issueTestKey(of: key)
            let readOnly = try await server.issueKey(
                key, ["name": "read only", "permissions": .array(Permissions.read.names.map { .string($0) })]
            ).text
            for (name, row) in Self.rows(things).sorted(by: { $0.key < $1.key }) {
                if let needs = row.needs {
                    let names = Permissions.full.subtracting(needs).names.map { JSONValue.string($0) }
                    let weak = try await server.issueKey(key, ["name": "weak", "permissions": .array(names)])
                    let answer = try await server.ask(name, row, header: "Bearer \(weak.text)")
                    #expect(answer.status == 403, "\(name): \(answer)")
                    if row.isNative { #expect(answer["error"] == "Forbidden") }
                    let shown = row.isNurosentrix ? NurosentrixPermission.names(of: needs) : needs.names
                    #expect(answer.text.contains(shown.joined()), "\(name): \(answer)")
                }
                let asReader = try await server.ask(name, row, header: "Bearer \(readOnly)")
                let mayRead = row.isForMembers ? false : row.needs.map { Permissions.read.isSuperset(of: $0) } ?? true
                #expect(asReader.status == (mayRead ? row.owner : 403), "\(name) with a read-only key: \(asReader)")
                for (other, status) in [(stranger, row.stranger), (testKey, row.testKey ?? row.stranger)] {
                    let answer = try await server.ask(name, row, header: "Bearer \(other)")
                    #expect(answer.status == status, "\(name) as \(other.prefix(9)): \(answer)")
                }
                let absent = row.path
                    .replacing(things.session, with: "sess_00000000000000000000000000000000")
                    .replacing(things.apiKey, with: "key_00000000000000000000000000000000")
                    .replacing(things.member, with: "mem_00000000000000000000000000000000")
                    .replacing(things.invitation, with: "inv_00000000000000000000000000000000")
                    .replacing(things.nandaKey, with: "key_00000000000000000000000000000000")
                    .replacing(things.nexoraKey, with: "00000000-0000-0000-0000-000000000000")
                if absent != row.path {
                    let notYours = try await server.ask(name, row, header: "Bearer \(stranger)")
                    let notThere = try await server.ask(
                        name, Row(path: absent, body: row.body, needs: row.needs, owner: 0, stranger: 0),
                        header: "Bearer \(stranger)")
                    #expect(notYours.body == notThere.body, "\(name): the answers tell whether the thing exists")
                }
                let answer = try await server.ask(name, row, header: "Bearer \(key)")
                #expect(answer.status == row.owner, "\(name): \(answer)")
            }
        }
    }

    /// A customer with one more key and one session that is over.
    static func populate(_ server: TestServer) async throws -> (key: String, things: Things) {
        let (_, key) = try await server.signUpOwner("you@company.com")
        let other = try await server.issueKey(key, ["name": "other"])
        let session = try await server.recordEndedSession(of: key)
        let members = try await server.send(.get, "/v1/members", key: key)
        let invited = try await server.send(
            .post, "/v1/invitations", key: key, ["email": "eve@company.com", "role": "auditor"])
        let nandaKey = try await server.issueKey(key, ["name": "nanda", "prefix": "nanda_"])
        let nexoraKey = try await server.issueKey(key, ["name": "nexora", "prefix": "nxr_"])
        let agent = try await server.send(
            .post, "/register", key: key, ["agent_id": "route-table", "agent_url": "https://a.example"])
        try #require(agent.status == 200, "\(agent)")
        return (
            key,
            Things(
                session: session, apiKey: other.id,
                member: try #require(members["data"]?.array?.first?["id"]?.string),
                invitation: try #require(invited["id"]?.string), nandaKey: nandaKey.id,
                nexoraKey: try #require(KeyID(nexoraKey.id)).uuidText)
        )
    }
}

extension Route {
    /// Method and pattern.
    var name: String { "\(method.rawValue) \(path)" }
}

extension TestServer {
    /// Waits until everything that was decided can be read, also what no answer waits for.
    func settle() async throws {
        try await server.ledger.projections.caughtUp(to: server.ledger.read { $0.position })
    }

    /// Sends the request of one row of the table.
    func ask(_ name: String, _ row: RouteTableTests.Row, header: String?) async throws -> Answer {
        let method = try #require(HTTPRequest.Method(rawValue: String(name.prefix { $0 != " " })))
        return try await send(
            method, row.path, headers: header.map { [("Authorization", $0)] } ?? [], bytes: row.body?.canonicalBytes)
    }

    /// Makes another API key over HTTP.
    func issueKey(_ key: String, _ body: JSONValue) async throws -> (id: String, text: String) {
        let answer = try await send(.post, "/v1/api-keys", key: key, body)
        try #require(answer.status == 201, "\(answer)")
        return (try #require(answer["id"]?.string), try #require(answer["api_key"]?.string))
    }

    /// Who holds `key`.
    func principal(_ key: String) async throws -> Principal {
        try await server.ledger.projections.caughtUpWithAnswers()
        return try Authenticator(keys: server.store.keys, refusals: server.refusals, now: server.ledger.now)
            .authenticate(try #require(BearerToken("Bearer \(key)")), from: nil, trace: "test")
    }

    /// Makes a key for test data.
    func issueTestKey(of key: String) async throws -> String {
        try await issueKey(key, ["name": "test", "environment": "test"]).text
    }

    /// Records the ledger's part of a session, for servers that cannot isolate.
    func recordLiveSession(of key: String) async throws -> String {
        var generator = SystemRandomNumberGenerator()
        let id = SessionID(using: &generator)
        let create = CreateSession(sessionID: id, region: "us")
        _ = try await server.ledger.perform(.createSession(create), as: try principal(key).actor, trace: "test")
        return id.text
    }

    /// Records the ledger's part of a session that ended without a proof.
    func recordEndedSession(of key: String) async throws -> String {
        let text = try await recordLiveSession(of: key)
        let id = try #require(SessionID(text))
        _ = try await server.ledger.perform(
            .expireUnclean(ExpireUnclean(sessionID: id, reason: .environmentLost)), as: .system, trace: "test")
        return text
    }
}
