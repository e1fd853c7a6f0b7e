import CanonicalJSON
import Foundation
import HTTPTypes
import Ledger
import Merkle
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The NanoTerm page, on servers that need no sandbox.
@Suite("The NanoTerm page", .serialized, .timeLimit(.minutes(10)))
struct NanoTermTests {
    /// Status, code and "retryable" of an error answer, whose every member is there.
    private func error(_ answer: Answer) throws -> (status: Int, code: String, body: JSONValue) {
        let body = try #require(answer["error"], "\(answer)")
        let names = try #require(body.object?.names, "\(answer)")
        #expect(Set(names).isSuperset(of: ["action", "code", "docs", "message", "retryable"]), "\(answer)")
        #expect(body["message"]?.string?.isEmpty == false && body["action"]?.string?.isEmpty == false, "\(answer)")
        return (answer.status, try #require(body["code"]?.string), body)
    }

    private func expect(
        _ status: Int, _ code: String, _ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try error(answer)
        #expect(found.status == status && found.code == code, "\(answer)", sourceLocation: sourceLocation)
    }

    @Test("every row of the status table that the request itself brings about")
    func statusTable() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner(plan: "free")
            try expect(
                400, "VALIDATION_FAILED",
                await server.send(.post, "/api/workspaces", key: key, ["name": ["not", "text"]]))
            try expect(401, "UNAUTHORIZED", await server.send(.get, "/api/workspaces"))
            let reader = try await server.issueKey(key, ["name": "r", "permissions": "read"]).text
            try expect(403, "FORBIDDEN", await server.send(.post, "/api/workspaces", key: reader, [:]))
            try expect(404, "NOT_FOUND", await server.send(.delete, "/api/keys/key_none", key: key))
            try expect(404, "WORKSPACE_NOT_FOUND", await server.send(.get, "/api/workspaces/ws_abc", key: key))
            let made = try await server.send(.post, "/api/keys", key: key, ["name": "once"])
            let id = try #require(made["id"]?.string, "\(made)")
            _ = try await server.send(.delete, "/api/keys/\(id)", key: key)
            try expect(409, "CONFLICT", await server.send(.delete, "/api/keys/\(id)", key: key))
            try expect(
                429, "MEMBER_QUOTA_EXCEEDED",
                await server.send(.post, "/api/org/members", key: key, ["email": "b@company.com"]))
            for _ in 0..<3 { _ = try await server.recordLiveSession(of: key) }
            // Without a sandbox the plan's limit is asked before the runtime.
            try expect(503, "RUNTIME_UNAVAILABLE", await server.send(.post, "/api/workspaces", key: key, [:]))
            for (member, value) in [("repo", "https://a.example/r.git"), ("policyId", "p"), ("snapshotId", "s")] {
                let answer = try await server.send(
                    .post, "/api/workspaces", key: key,
                    .object(JSONObject(sorting: [.init(name: member, value: .string(value))]) ?? .init()))
                try expect(501, "NOT_SUPPORTED", answer)
            }
            try expect(
                501, "NOT_SUPPORTED", await server.send(.post, "/api/workspaces", key: key, ["ports": [8080]]))
            try expect(
                400, "INVALID_IMAGE", await server.send(.post, "/api/workspaces", key: key, ["image": "ubuntu"]))
            try expect(403, "FORBIDDEN", await server.send(.post, "/api/workspaces", key: key, ["size": "large"]))
            try expect(405, "METHOD_NOT_ALLOWED", await server.send(.patch, "/api/workspaces", key: key))
            try expect(
                415, "UNSUPPORTED_MEDIA_TYPE",
                await server.send(
                    .post, "/api/workspaces", key: key, headers: [("Content-Type", "text/plain")], bytes: [0x78]))
            try expect(404, "NOT_FOUND", await server.send(.get, "/api/workspaces/ws_abc/nothing", key: key))
        }
    }

    @Test("the page's whole status table is in ours, each code with its status")
    func pageTable() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../fixtures/pages/nanoterm.txt")
        let page = try String(contentsOf: file, encoding: .utf8)
        let rows = page.matches(of: /(?m)^(\d{3})([A-Z_]+)(?=[A-Z][a-z])/)
        #expect(rows.count == 14, "\(rows.map(\.0))")
        for row in rows {
            let code = NanoTermCode(rawValue: String(row.2))
            #expect(code.map { String($0.row.status) } == String(row.1), "\(row.0)")
        }
    }

    @Test("500 INTERNAL_ERROR when the server itself fails, and it says to try again")
    func internalError() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let file = server.directory.path + "/projections.sqlite"
            let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE members')"
            let dropped = try BuiltPrograms.run("/usr/bin/env", ["python3", "-c", script, file])
            try #require(dropped.status == 0, "\(dropped.errors)")
            let answer = try await server.send(.get, "/api/org/members", key: key)
            try expect(500, "INTERNAL_ERROR", answer)
            #expect(try error(answer).body["retryable"] == true)
        }
    }

    @Test("the compute hours of a month: the command that would come after them is 429 COMPUTE_QUOTA_EXCEEDED")
    func computeHours() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner(plan: "free")
            let session = try await server.recordLiveSession(of: key)
            let hour: Int64 = 3_600_000_000
            try await server.recordExec(in: session, microseconds: 10 * hour - 1, of: key)
            // One microsecond is left, so another may begin; afterwards none.
            try await server.recordExec(in: session, microseconds: hour, of: key)
            let path = "/api/workspaces/\(session.replacing("sess_", with: "ws_"))/exec"
            let answer = try await server.send(.post, path, key: key, ["command": ["true"]])
            try expect(429, "COMPUTE_QUOTA_EXCEEDED", answer)
            let native = try await server.execute("true", in: session, key: key)
            #expect(native.status == 402 && native["error"] == "QuotaExceeded", "\(native)")
            // An upgrade takes effect at once, and so does the 1st.
            let changed = try await server.operate("PUT", "/customers/\(customer)/plan", ["tier": "starter"])
            #expect(changed.status == 200)
            #expect(try await server.send(.post, path, key: key, ["command": ["true"]]).status != 429)
        }
    }

    @Test("a test key has no compute hours to use up")
    func computeOfTestKeys() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner(plan: "free")
            let test = try await server.issueTestKey(of: key)
            let session = try await server.recordLiveSession(of: test)
            for _ in 0..<3 { try await server.recordExec(in: session, microseconds: 36_000_000_000, of: test) }
        }
    }

    @Test("429 in practice: 60 requests a minute, then the page's words, and Retry-After as in the action")
    func rateLimit() async throws {
        try await TestServer.with(limited: true) { server in
            let (_, owner) = try await server.signUpOwner(plan: "free")
            let made = try await server.send(.post, "/api/keys", key: owner, ["name": "n", "permission": "full"])
            let key = try #require(made["key"]?.string, "\(made)")
            #expect(key.hasPrefix("nt_live_"))
            for _ in 0..<60 { #expect(try await server.send(.get, "/api/keys", key: key).status == 200) }
            let answer = try await server.send(.get, "/api/keys", key: key)
            try expect(429, "RATE_LIMITED", answer)
            let body = try error(answer).body
            #expect(body["message"] == "Rate limit exceeded. Slow down requests or upgrade your plan.")
            #expect(body["retryable"] == true)
            let seconds = try #require(answer.headers["retry-after"])
            #expect(body["action"]?.string?.hasPrefix("Retry after \(seconds)s, or upgrade") == true, "\(answer)")
        }
    }

    @Test("426 in practice: an old nanoterm-cli, on every path of this dialect; nobody else is looked at")
    func oldClient() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            func ask(_ name: String?, _ version: String?, _ path: String = "/api/workspaces") async throws -> Answer {
                let headers = [("X-Client-Name", name), ("X-Client-Version", version)].compactMap { name, value in
                    value.map { (name, $0) }
                }
                return try await server.send(.get, path, key: key, headers: headers)
            }
            let old = try await ask("nanoterm-cli", "0.1.2")
            try expect(426, "CLI_VERSION_TOO_OLD", old)
            let body = try error(old).body
            #expect(body["message"] == "CLI 0.1.2 is below the minimum required version (0.1.3).")
            #expect(body["action"] == "Run: npm install -g @nanoterm/cli@latest")
            #expect(body["retryable"] == false)
            for path in ["/api/keys", "/api/info", "/api/org/members", "/api/workspaces/ws_1/diff", "/api/keys/none/x"]
            {
                try expect(426, "CLI_VERSION_TOO_OLD", await ask("nanoterm-cli", "0.1.2", path))
            }
            for version in ["0.0.9", "0.1.3-beta.1", "", "new", "1", "0.1", "0.1.-3", nil] {
                try expect(426, "CLI_VERSION_TOO_OLD", await ask("nanoterm-cli", version))
            }
            for version in ["0.1.3", "0.1.10", "0.2.0", "1.0.0", "0.1.3+build.5", "1.0.0-rc.1"] {
                #expect(try await ask("nanoterm-cli", version).status == 200, "\(version)")
            }
            for name in ["nanoterm-sdk", "nrx", "curl", "NanoTerm-CLI"] {
                #expect(try await ask(name, "0.0.1").status == 200, "\(name)")
            }
            #expect(try await ask(nil, "0.0.1").status == 200)
            #expect(try await ask("nanoterm-cli", "0.0.1", "/v1/sessions").status == 200, "another dialect")
        }
    }

    @Test("every error links to a page that this server serves; the table and the pages are one")
    func docs() async throws {
        try await TestServer.with { server in
            let all = try await server.send(.get, NanoTermDocs.path, headers: [("Accept", "text/html")])
            #expect(all.status == 200 && all.headers["content-type"] == "text/html; charset=utf-8")
            for code in NanoTermCode.allCases {
                #expect(all.text.contains("id=\"\(code.rawValue)\""))
                let page = try await server.send(.get, code.page)
                #expect(page.status == 200 && page.text.contains("<td>\(code.row.status)</td>"), "\(code)")
                #expect(page.text.contains("<h1>\(code.rawValue)</h1>"))
            }
            let answer = try await server.send(.get, "/api/workspaces")
            let link = try #require(answer["error"]?["docs"]?.string)
            #expect(try await server.send(.get, link).status == 200)
            #expect(try await server.send(.get, NanoTermDocs.path + "/NOT_A_CODE").status == 404)
            #expect(try await server.send(.get, NanoTermDocs.path + "/<script>").status == 404)
        }
    }

    @Test("every code has a row of its own, with a status that its errors are answered with")
    func rows() {
        for code in NanoTermCode.allCases {
            let answer = Dialect.nanoTerm.answer(to: APIError(.internalError, "x", reason: code.rawValue))
            #expect(answer.status == code.row.status && (code.row.status != 500 || code == .internalError), "\(code)")
        }
        for code in APIError.Code.allCases {
            let found = NanoTermErrors.code(of: APIError(code, "x"))
            #expect(found.row.status == code.status || code == .quotaExceeded, "\(code)")
        }
    }

    @Test("a read key gets 403 on terminal, proxy, diff, exec, file writes and administration, and 403 names the level")
    func readKey() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner()
            let session = try await server.recordLiveSession(of: owner).replacing("sess_", with: "ws_")
            var keys: [String: String] = [:]
            for level in ["read", "execute", "full"] {
                let made = try await server.send(
                    .post, "/api/keys", key: owner, ["name": .string(level), "permission": .string(level)])
                keys[level] = try #require(made["key"]?.string, "\(made)")
            }
            let path = "/api/workspaces/\(session)"
            let ofExecute: [(HTTPRequest.Method, String)] = [
                (.post, "/api/workspaces"), (.delete, path), (.post, path + "/exec"), (.put, path + "/files/a"),
                (.delete, path + "/files/a"), (.get, path + "/diff"), (.get, path + "/terminal"),
                (.get, path + "/proxy/8000"), (.post, path + "/proxy/8000/x"), (.post, path + "/snapshots"),
            ]
            let ofFull: [(HTTPRequest.Method, String)] = [
                (.get, "/api/keys"), (.post, "/api/keys"), (.delete, "/api/keys/key_1"), (.post, "/api/org/members"),
            ]
            for (method, path) in ofExecute + ofFull {
                let answer = try await server.send(method, path, key: keys["read"])
                try expect(403, "FORBIDDEN", answer)
                let level = ofFull.contains { $0 == (method, path) } ? "full" : "execute"
                #expect(try error(answer).body["action"]?.string?.contains("'\(level)'") == true, "\(answer)")
            }
            for (method, path) in ofFull {
                try expect(403, "FORBIDDEN", await server.send(method, path, key: keys["execute"]))
            }
            for (method, path) in ofExecute where method != .delete {
                #expect(try await server.send(method, path, key: keys["execute"]).status != 403, "\(method) \(path)")
            }
            for path in ["/api/workspaces", path, "/api/org/members"] {
                #expect(try await server.send(.get, path, key: keys["read"]).status == 200, "\(path)")
            }
        }
    }

    @Test("no route of this dialect that changes or runs something is open to a read key, whoever adds it")
    func noRouteForgetsItsPermission() async throws {
        try await TestServer.with { server in
            for route in server.server.routes where Dialect.speaking(at: route.path).name == "nanoterm" {
                switch route.access {
                case .public: #expect(route.method == .get && !route.path.contains("/workspaces"), "\(route.name)")
                case .key(let needed):
                    let changes = route.method != .get
                    let shellsOut = ["/terminal", "/proxy", "/diff"].contains { route.path.contains($0) }
                    #expect(
                        !Permissions.read.isSuperset(of: needed) || !(changes || shellsOut),
                        "\(route.name) is open to a read key")
                default: Issue.record("\(route.name) declares no permission of a key")
                }
            }
            for route in server.server.webSockets where Dialect.speaking(at: route.path).name == "nanoterm" {
                #expect(!Permissions.read.isSuperset(of: route.permissions), "\(route.path)")
            }
        }
    }

    @Test("?token= is silently ignored on a plain request, which is then 401, also where a WebSocket would be")
    func tokenInQuery() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for path in ["/api/workspaces", "/api/workspaces/ws_1/terminal", "/api/workspaces/ws_1/proxy/80"] {
                try expect(401, "UNAUTHORIZED", await server.send(.get, path + "?token=\(key)"))
            }
            try expect(
                426, "UPGRADE_REQUIRED", await server.send(.get, "/api/workspaces/ws_1/terminal", key: key))
        }
    }

    @Test("keys: made with a level and an end, listed without their text, deleted with their information")
    func keys() async throws {
        try await TestServer.with { server in
            let (customer, owner) = try await server.signUpOwner()
            let made = try await server.send(
                .post, "/api/keys", key: owner, ["name": "ci", "permission": "execute", "expiresInDays": 30])
            #expect(made.status == 201)
            #expect(
                made.names == [
                    "createdAt", "expiresAt", "id", "key", "lastUsedAt", "name", "orgId", "permission", "prefix",
                    "revokedAt",
                ])
            #expect(made["orgId"]?.string == customer && made["permission"] == "execute")
            #expect(made["createdAt"] == "2026-03-01T14:00:00Z" && made["expiresAt"] == "2026-03-31T14:00:00Z")
            let key = try #require(made["key"]?.string)
            #expect(key.wholeMatch(of: /nt_live_[0-9A-Za-z]{49}/) != nil)
            for days in [0, 366] as [JSONValue] {
                try expect(
                    400, "VALIDATION_FAILED",
                    await server.send(.post, "/api/keys", key: owner, ["name": "x", "expiresInDays": days]))
            }
            try expect(
                400, "VALIDATION_FAILED",
                await server.send(.post, "/api/keys", key: owner, ["name": "x", "permission": "admin"]))
            let list = try await server.send(.get, "/api/keys", key: owner)
            #expect(list.json.array?.count == 1 && !list.text.contains(key))
            let id = try #require(made["id"]?.string)
            let deleted = try await server.send(.delete, "/api/keys/\(id)", key: owner)
            #expect(deleted.status == 200 && deleted["id"]?.string == id && deleted["revokedAt"] != .null)
            try expect(401, "UNAUTHORIZED", await server.send(.get, "/api/workspaces", key: key))
            #expect(try await server.send(.get, "/api/keys", key: owner).json.array?.first?["revokedAt"] != .null)
        }
    }

    @Test("members: listed for all who may look, invited by administrators up to the plan's number")
    func members() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner(plan: "starter")
            for number in 1...4 {
                let answer = try await server.send(
                    .post, "/api/org/members", key: owner, ["email": .string("m\(number)@company.com")])
                #expect(answer.status == 201 && answer["role"] == "developer", "\(answer)")
                #expect(answer["token"]?.string?.isEmpty == false)
            }
            try expect(
                429, "MEMBER_QUOTA_EXCEEDED",
                await server.send(.post, "/api/org/members", key: owner, ["email": "m5@company.com"]))
            let list = try await server.send(.get, "/api/org/members", key: owner)
            #expect(list.json.array?.map { $0["email"] } == ["ada@company.com"])
        }
    }

    @Test("a workspace is 404 for everybody else, and for the owner's test keys")
    func tenancy() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner()
            let id = try await server.recordLiveSession(of: owner).replacing("sess_", with: "ws_")
            #expect(try await server.send(.get, "/api/workspaces/\(id)", key: owner).status == 200)
            let stranger = try await server.signUp("other@company.com")
            let test = try await server.issueTestKey(of: owner)
            for key in [stranger, test] {
                try expect(404, "WORKSPACE_NOT_FOUND", await server.send(.get, "/api/workspaces/\(id)", key: key))
                #expect(try await server.send(.get, "/api/workspaces", key: key).json == [])
            }
            #expect(try await server.send(.get, "/api/workspaces", key: owner).json.array?.count == 1)
        }
    }
}

extension TestServer {
    /// Records a command that ran so long, for servers that cannot isolate.
    func recordExec(in session: String, microseconds: Int64, of key: String) async throws {
        let id = try #require(SessionID(session))
        var generator = SystemRandomNumberGenerator()
        let execID = ExecID(using: &generator)
        let actor = try await principal(key).actor
        let begin = BeginExec(sessionID: id, execID: execID, inputBytes: 0, receiptSHA256: .init(of: []))
        _ = try await server.ledger.perform(.beginExec(begin), as: actor, trace: "test")
        let result = SessionExecuted(
            cpuMicroseconds: 0, execID: execID, outcome: .exited(code: 0), outOfMemory: false, peakMemoryBytes: 0,
            stderrBytes: 0, stdoutBytes: 0, timedOut: false, truncated: false, wallMicroseconds: microseconds)
        _ = try await server.ledger.perform(
            .finishExec(FinishExec(sessionID: id, result: result)), as: actor, trace: "test")
    }
}
