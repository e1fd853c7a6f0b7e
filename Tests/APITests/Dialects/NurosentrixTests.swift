import CanonicalJSON
import HTTPTypes
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The Nurosentrix page, on servers that need no sandbox.
@Suite("The Nurosentrix page", .serialized, .timeLimit(.minutes(10)))
struct NurosentrixTests {
    private func token(_ owner: String, _ server: TestServer, _ body: JSONValue) async throws -> JSONValue {
        let answer = try await server.send(.post, "/api/v1/tokens", key: owner, body)
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer["data"])
    }

    @Test("401: word for word the page's, without a token, with an invalid one and with a revoked one")
    func unauthorized() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let made = try await token(owner, server, ["name": "t"])
            let id = try #require(made["id"]?.string)
            #expect(try await server.send(.delete, "/api/v1/tokens/\(id)", key: owner).status == 200)
            let expected: JSONValue = [
                "success": false,
                "error": ["code": "UNAUTHORIZED", "message": "Invalid or missing authentication token"],
            ]
            for key in [nil, "nsx_live_wrong", made["token"]?.string] {
                let answer = try await server.send(.get, "/api/v1/servers", key: key)
                #expect(answer.status == 401 && answer.json == expected, "\(answer)")
            }
        }
    }

    @Test("403: word for word the page's, for each permission of its table")
    func forbidden() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let weak = try await token(owner, server, ["name": "weak", "permissions": ["servers:read"]])
            let key = try #require(weak["token"]?.string)
            #expect(try await server.send(.get, "/api/v1/servers", key: key).status == 200)
            let routes: [(HTTPRequest.Method, String, String)] = [
                (.post, "/api/v1/servers", "servers:write"), (.get, "/api/v1/instances", "instances:read"),
                (.post, "/api/v1/instances", "instances:write"),
                (.post, "/api/v1/instances/inst_1/stop", "instances:actions"),
                (.get, "/api/v1/backups", "backups:read"), (.post, "/api/v1/backups", "backups:write"),
                (.delete, "/api/v1/backups/bkp_1", "backups:write"),
                (.post, "/api/v1/backups/bkp_1/restore", "backups:restore"),
                (.get, "/api/v1/settings", "settings:read"), (.patch, "/api/v1/settings", "settings:write"),
            ]
            for (method, path, name) in routes {
                let answer = try await server.send(method, path, key: key)
                let expected: JSONValue = [
                    "success": false,
                    "error": ["code": "FORBIDDEN", "message": .string("Token does not have permission: \(name)")],
                ]
                #expect(answer.status == 403 && answer.json == expected, "\(answer)")
            }
        }
    }

    @Test("tokens: live and test, with the page's permissions, shown once, revoked at once")
    func tokens() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let names = NurosentrixPermission.table.map(\.name)
            let live = try await token(
                owner, server, ["name": "all", "permissions": .array(names.map { .string($0) })])
            #expect(live["permissions"] == .array(names.map { .string($0) }))
            #expect(live["token"]?.string?.wholeMatch(of: /nsx_live_[0-9A-Za-z]{49}/) != nil)
            let test = try await token(owner, server, ["name": "t", "environment": "test"])
            #expect(test["token"]?.string?.wholeMatch(of: /nsx_test_[0-9A-Za-z]{49}/) != nil)
            let list = try await server.send(.get, "/api/v1/tokens?per_page=1", key: owner)
            #expect(list["data"]?.array?.count == 1 && list["success"] == true)
            #expect(list["meta"] == ["page": 1, "per_page": 1, "total": 1])
            #expect(!list.text.contains(try #require(live["token"]?.string)))
            let wrong = try await server.send(
                .post, "/api/v1/tokens", key: owner, ["name": "x", "permissions": ["servers:read", "servers:fly"]])
            #expect(wrong.status == 400 && wrong["error"]?["code"] == "VALIDATION_ERROR", "\(wrong)")
            #expect(wrong["error"]?["details"]?.array?.first?["field"] == "permissions[1]", "\(wrong)")
            for query in ["page=0", "per_page=101", "page=x"] {
                #expect(try await server.send(.get, "/api/v1/tokens?\(query)", key: owner).status == 400, "\(query)")
            }
            let table = try await server.send(.get, "/api/v1/permissions")
            #expect(table["data"]?.array?.count == 10)
        }
    }

    @Test("login answers a token for the whole dialect, its end and the user; a wrong password says so")
    func login() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner("user@example.com")
            let form: JSONValue = ["email": "user@example.com", "password": .string(TestServer.password)]
            let answer = try await server.send(.post, "/auth/login", form)
            #expect(answer.status == 200 && answer["success"] == true, "\(answer)")
            let data = try #require(answer["data"])
            #expect(data["expires_at"] == "2026-03-01T14:15:00Z")
            #expect(data["user"]?["email"] == "user@example.com" && data["user"]?["name"] == "Ada")
            #expect(data["user"]?["id"]?.string?.hasPrefix("usr_") == true)
            let token = try #require(data["token"]?.string)
            #expect(token.hasPrefix("eyJ"))
            #expect(try await server.send(.get, "/api/v1/servers", key: token).status == 200)
            let wrong = try await server.send(
                .post, "/auth/login", ["email": "user@example.com", "password": "wrong password"])
            #expect(wrong.status == 401 && wrong["error"]?["code"] == "UNAUTHORIZED")
            #expect(wrong["error"]?["message"]?.string?.contains("password") == true, "\(wrong)")
        }
    }

    @Test("servers: this one, with its capacity; another cannot be registered until there is a cluster")
    func servers() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let list = try await server.send(.get, "/api/v1/servers", key: owner)
            let node = try #require(list["data"]?.array?.first, "\(list)")
            #expect(list["meta"]?["total"] == 1 && node["region"] == "us" && node["status"] == "offline")
            #expect(try #require(node["specs"]?["cpu"]?.integer) >= 1)
            let id = try #require(node["id"]?.string)
            let one = try await server.send(.get, "/api/v1/servers/\(id)", key: owner)
            #expect(one["data"]?["id"]?.string == id)
            #expect(try await server.send(.get, "/api/v1/servers/srv_1", key: owner).status == 404)
            for (method, path) in [(.post, ""), (.patch, "/\(id)"), (.delete, "/\(id)")]
                as [(HTTPRequest.Method, String)]
            {
                let answer = try await server.send(method, "/api/v1/servers" + path, key: owner, [:])
                #expect(answer.status == 501 && answer["error"]?["code"] == "NOT_SUPPORTED", "\(answer)")
            }
        }
    }

    @Test("instances: listed while they live; start and restart are 409 that say why")
    func instances() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner()
            let live = try await server.recordLiveSession(of: owner).replacing("sess_", with: "inst_")
            let ended = try await server.recordEndedSession(of: owner).replacing("sess_", with: "inst_")
            let list = try await server.send(.get, "/api/v1/instances", key: owner)
            #expect(list["data"]?.array?.map { $0["id"]?.string } == [live] && list["meta"]?["total"] == 1, "\(list)")
            let one = try await server.send(.get, "/api/v1/instances/\(ended)", key: owner)
            #expect(one["data"]?["status"] == "terminated", "\(one)")
            for (id, action, word) in [
                (live, "start", "running already"), (ended, "start", "destroyed"), (live, "restart", "ephemeral"),
                (ended, "restart", "destroyed"),
            ] {
                let answer = try await server.send(.post, "/api/v1/instances/\(id)/\(action)", key: owner)
                #expect(answer.status == 409, "\(answer)")
                #expect(answer["error"]?["message"]?.string?.contains(word) == true, "\(answer)")
            }
            let stranger = try await server.signUp("other@company.com")
            #expect(try await server.send(.get, "/api/v1/instances/\(live)", key: stranger).status == 404)
            #expect(try await server.send(.get, "/api/v1/instances", key: stranger)["meta"]?["total"] == 0)
            // Any of the three prefixes names it.
            for prefix in ["sess_", "ws_"] {
                let path = "/api/v1/instances/\(live.replacing("inst_", with: prefix))"
                #expect(try await server.send(.get, path, key: owner).status == 200)
            }
        }
    }

    @Test("an instance that cannot be made is said why, each time anew: its name stays free")
    func refusedInstances() async throws {
        try await TestServer.with { server in
            let (_, owner) = try await server.signUpOwner()
            let elsewhere = try await server.send(
                .post, "/api/v1/instances", key: owner, ["server_id": "srv_elsewhere", "name": "web"])
            #expect(elsewhere.status == 404, "\(elsewhere)")
            #expect(elsewhere["error"]?["message"]?.string?.contains("GET /api/v1/servers") == true, "\(elsewhere)")
            for name in ["", "-web", ".web", "my web", "web!", "wéb", String(repeating: "a", count: 64)] {
                let answer = try await server.send(.post, "/api/v1/instances", key: owner, ["name": .string(name)])
                #expect(answer.status == 400, "\(name): \(answer)")
            }
            // This server cannot isolate.
            for _ in 0..<2 {
                let answer = try await server.send(.post, "/api/v1/instances", key: owner, ["name": "web"])
                #expect(answer.status == 503, "\(answer)")
            }
        }
    }

    @Test("settings are the account's: organisation and jurisdiction change, what is set elsewhere says where")
    func settings() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let path = "/api/v1/settings"
            let answer = try await server.send(.get, path, key: owner)
            #expect(answer["data"]?["email"] == "you@company.com" && answer["data"]?["plan"] == "free", "\(answer)")
            #expect(answer["data"]?["organisation"] == .null)
            let changed = try await server.send(
                .patch, path, key: owner, ["organisation": "Hospital", "jurisdiction": "EU"])
            #expect(changed.status == 200 && changed["data"]?["organisation"] == "Hospital", "\(changed)")
            #expect(changed["data"]?["jurisdiction"] == "EU")
            #expect(try await server.send(.get, path, key: owner).json == changed.json)
            #expect(try await server.send(.get, "/v1/customers/me", key: owner)["organisation"] == "Hospital")
            for member in ["plan", "email", "account_id", "environment"] {
                let body = JSONObject(sorting: [.init(name: member, value: "x")]) ?? .init()
                let refused = try await server.send(.patch, path, key: owner, .object(body))
                #expect(refused.status == 400 && refused["error"]?["code"] == "VALIDATION_ERROR", "\(refused)")
                #expect(refused["error"]?["details"]?.array?.first?["field"] == .string(member), "\(refused)")
            }
        }
    }
}
