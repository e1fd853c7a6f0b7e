import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Projections
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("API keys over HTTP", .serialized, .timeLimit(.minutes(10)))
struct APIKeyLifeTests {
    /// What a request with `key` gets.
    private func status(_ key: String, _ server: TestServer) async throws -> Int {
        try await server.send(.get, "/v1/customers/me", key: key).status
    }

    @Test("a key has everything that was asked for, and reads the same in its answer, alone and in the list")
    func create() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let created = try await server.send(
                .post, "/v1/api-keys", key: owner,
                [
                    "name": "ci", "permissions": ["keys:read", "sessions:read"], "expires_at": "2026-04-01T00:00:00Z",
                    "monthly_limit": 500, "allowed_addresses": ["10.0.0.0/8", "2001:DB8::/32", "10.0.0.0/8"],
                ])
            try #require(created.status == 201, "\(created)")
            let id = try #require(created["id"]?.string)
            let text = try #require(created["api_key"]?.string)
            #expect(try APIKey(parsing: text).prefix == .nanorixLive)
            #expect(created["prefix"]?.string.map { text.hasPrefix($0) } == true)
            let shown = try await server.send(.get, "/v1/api-keys/\(id)", key: owner)
            #expect(shown["permissions"] == ["sessions:read", "keys:read"])
            #expect(shown["allowed_addresses"] == ["10.0.0.0/8", "2001:db8::/32"])
            #expect(shown["monthly_limit"] == 500 && shown["requests_this_month"] == 0)
            #expect(shown["expires_at"] == "2026-04-01T00:00:00Z" && shown["status"] == "active")
            #expect(shown["created_at"] == "2026-03-01T14:00:00Z" && shown["environment"] == "live")
            for name in ["revoked_at", "rotated_at", "last_used_at", "last_refusal"] { #expect(shown[name] == .null) }
            var rest = try #require(created.json.object)
            rest["api_key"] = nil
            rest["message"] = nil
            #expect(JSONValue.object(rest) == shown.json)
            let list = try await server.send(.get, "/v1/api-keys", key: owner)
            #expect(list["data"]?.array?.first == shown.json)
        }
    }

    @Test("presets give their permissions, and without any a key gets what its maker has")
    func presets() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            for (name, permissions) in Permissions.presets {
                let key = try await server.send(
                    .post, "/v1/api-keys", key: owner, ["name": "a", "permissions": .string(name)])
                #expect(key["permissions"] == .array(permissions.names.map { .string($0) }), "\(name)")
            }
            let weak = try await server.issueKey(
                owner, ["name": "weak", "permissions": ["keys:write", "account:read", "keys:read"]])
            let heir = try await server.send(.post, "/v1/api-keys", key: weak.text, ["name": "heir"])
            #expect(heir["permissions"] == ["keys:read", "keys:write", "account:read"])
            let more = try await server.send(
                .post, "/v1/api-keys", key: weak.text, ["name": "more", "permissions": "read"])
            #expect(more.status == 403 && more["field"] == "permissions")
        }
    }

    @Test("every change holds from the next request on: expiry, rotation with and without grace, revocation")
    func changes() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await server.issueKey(owner, ["name": "worker"])
            let path = "/v1/api-keys/\(key.id)"
            let renamed = try await server.send(.patch, path, key: owner, ["name": "builder"])
            #expect(renamed.status == 200 && renamed["name"] == "builder", "\(renamed)")
            #expect(renamed.names.contains("api_key") == false)

            let rotated = try await server.send(.post, path + "/rotate", key: owner, ["grace_period": 60])
            try #require(rotated.status == 200, "\(rotated)")
            let second = try #require(rotated["api_key"]?.string)
            #expect(rotated["id"]?.string == key.id && second != key.text)
            #expect(rotated["rotated_at"] == "2026-03-01T14:00:00Z")
            #expect(try await status(key.text, server) == 200)
            #expect(try await status(second, server) == 200)
            server.clock.advance(seconds: 60)
            #expect(try await status(key.text, server) == 401)
            #expect(try await status(second, server) == 200)

            let again = try await server.send(.post, path + "/rotate", key: owner)
            let third = try #require(again["api_key"]?.string)
            #expect(try await status(second, server) == 401)
            #expect(try await status(third, server) == 200)
            #expect(again["prefix"]?.string.map { third.hasPrefix($0) } == true)

            let revoked = try await server.send(.delete, path, key: owner)
            #expect(revoked["status"] == "revoked" && revoked["revoked_at"] == "2026-03-01T14:01:00Z")
            for text in [key.text, second, third] { #expect(try await status(text, server) == 401) }
            for method in [HTTPRequest.Method.delete, .patch] {
                #expect(try await server.send(method, path, key: owner, ["name": "x"]).status == 409)
            }
            #expect(try await server.send(.post, path + "/rotate", key: owner).status == 409)

            let expiring = try await server.issueKey(owner, ["name": "a", "expires_at": "2026-03-01T14:02:00Z"])
            #expect(try await status(expiring.text, server) == 200)
            server.clock.advance(seconds: 60)
            #expect(try await status(expiring.text, server) == 401)
            let shown = try await server.send(.get, "/v1/api-keys/\(expiring.id)", key: owner)
            #expect(shown["status"] == "expired")
        }
    }

    @Test("the whole key stands in the one answer that makes it and in no other")
    func shownOnce() async throws {
        let log = CollectedLog()
        try await TestServer.with(logger: log.logger) { server in
            let owner = try await server.signUp()
            let key = try await server.issueKey(owner, ["name": "worker"])
            let path = "/v1/api-keys/\(key.id)"
            let rotated = try await server.send(.post, path + "/rotate", key: owner, ["grace_period": 60])
            let second = try #require(rotated["api_key"]?.string)
            let answers = [
                try await server.send(.get, path, key: key.text),
                try await server.send(.get, "/v1/api-keys", key: second),
                try await server.send(.patch, path, key: second, ["name": .string(second)]),
                try await server.send(.post, path + "/rotate", key: second, ["grace_period": .string(second)]),
                try await server.send(.get, "/v1/customers/me", key: second + "x"),
                try await server.send(.get, "/v1/api-keys?starting_after=\(second)", key: owner),
                try await server.send(.delete, path, key: owner), try await server.send(.get, path, key: second),
            ]
            for text in [owner, key.text, second] {
                let secret = String(text.dropFirst(13))
                // What a caller names a key is the caller's; it is shown back and is no leak of ours.
                for answer in answers where answer["name"]?.string != second {
                    #expect(!answer.text.contains(secret), "\(answer)")
                }
                #expect(!log.text.contains(secret))
            }
            #expect(log.lines.count > 10)
        }
    }

    @Test("bodies that cannot be are refused with the member that is wrong")
    func badBodies() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let id = try await server.issueKey(owner, ["name": "a"]).id
            let bodies: [(HTTPRequest.Method, String, JSONValue, String)] = [
                (.post, "", ["name": "a", "allowed_addresses": ["10.0.0.1/8"]], "allowed_addresses[0]"),
                (.post, "", ["name": "a", "allowed_addresses": ["10.0.0.0/8", "here"]], "allowed_addresses[1]"),
                (.post, "", ["name": "a", "allowed_addresses": "10.0.0.0/8"], "allowed_addresses"),
                (.post, "", ["name": "a", "monthly_limit": 0], "monthly_limit"),
                (.post, "", ["name": "a", "monthly_limit": "5"], "monthly_limit"),
                (.post, "", ["name": "a", "environment": "both"], "environment"),
                (.post, "", ["name": "a", "prefix": "nanda_", "environment": "test"], "environment"),
                (.post, "", ["name": "a", "prefix": "abc_"], "prefix"),
                (.post, "", ["name": "a", "permissions": []], "permissions"),
                (.patch, "/\(id)", ["monthly_limit": -1], "monthly_limit"),
                (.patch, "/\(id)", ["allowed_addresses": [1]], "allowed_addresses[0]"),
                (.patch, "/\(id)", ["name": ""], "name"),
                (.post, "/\(id)/rotate", ["grace_period": -1], "grace_period"),
                (.post, "/\(id)/rotate", ["grace_period": 2_592_001], "grace_period"),
                (.post, "/\(id)/rotate", ["grace_period": "1"], "grace_period"),
            ]
            for (method, path, body, field) in bodies {
                let answer = try await server.send(method, "/v1/api-keys" + path, key: owner, body)
                #expect(answer.status == 400 && answer["field"]?.string == field, "\(body): \(answer)")
            }
            #expect(try await server.send(.patch, "/v1/api-keys/\(id)", key: owner, [:]).status == 400)
            for query in ["limit=0", "limit=101", "limit=x", "limit=", "starting_after=key_x", "starting_after=\(id)x"]
            {
                #expect(try await server.send(.get, "/v1/api-keys?\(query)", key: owner).status == 400, "\(query)")
            }
        }
    }

    @Test("the list comes in pages, newest first, and ends")
    func pages() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            var ids: [String] = []
            for number in 0..<6 { ids.append(try await server.issueKey(owner, ["name": .string("key \(number)")]).id) }
            var (seen, query, pages) = ([String](), "", 0)
            while true {
                let page = try await server.send(.get, "/v1/api-keys?limit=3\(query)", key: owner)
                let data = try #require(page["data"]?.array)
                seen += data.compactMap { $0["id"]?.string }
                pages += 1
                guard page["has_more"] == true else { break }
                query = "&starting_after=\(seen.last ?? "")"
            }
            #expect(pages == 3 && Array(seen.prefix(6)) == ids.reversed() && Set(seen).count == 7)
            // Somebody else's key is no place to go on from.
            let stranger = try await server.signUp("somebody@else.com")
            let answer = try await server.send(.get, "/v1/api-keys?starting_after=\(ids[0])", key: stranger)
            #expect(answer.status == 400 && answer["field"] == "starting_after")
        }
    }

    @Test("forty keys asked for at once on a plan that allows five of the prefix: exactly five are made")
    func cap() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        try await server.send(
                            .post, "/v1/api-keys", key: owner,
                            ["name": .string("agent \(number)"), "prefix": "nanda_"]
                        ).status
                    }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 5, 409: 35])
            #expect(
                try await server.send(.post, "/v1/api-keys", key: owner, ["name": "nxr", "prefix": "nxr_"]).status
                    == 201)
        }
    }
}
