import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// Nurosentrix' page, run as printed: only host and key are replaced.
@Suite("The printed Nurosentrix page", .serialized, .timeLimit(.minutes(10)))
struct PrintedNurosentrixTests {
    private static let command = #"curl -X GET.*?"Content-Type: application/json""#
    private static let refusals = #"\{\n  "success": false,.*?\n\}"#

    private func run(_ command: String, on server: ServerProcess, key: String) throws -> JSONValue {
        try PrintedPage.answer(
            to: command.replacing("https://app.nurosentrix.com", with: server.url)
                .replacing("nsx_live_abc123...", with: key))
    }

    private func token(_ server: ServerProcess, _ owner: String, _ body: JSONValue) async throws -> String {
        let made = try await server.send("POST", "/api/v1/tokens", key: owner, body)
        return try #require(made["data"]?["token"]?.string, "\(made)")
    }

    @Test("the curl command lists the servers; without a valid token it gets the page's 401, word for word")
    func servers() async throws {
        let page = try PrintedPage("nurosentrix")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await server.signUp()
        let command = try page.printed(Self.command)
        #expect(command.contains("nsx_live_abc123..."))
        for environment in ["live", "test"] {
            let key = try await token(server, owner, ["name": "t", "environment": .string(environment)])
            #expect(key.hasPrefix("nsx_\(environment)_"))
            let answer = try run(command, on: server, key: key)
            #expect(answer["success"] == true && answer["data"]?.array?.count == 1, "\(answer)")
        }
        let printed = try page.json(Self.refusals)
        #expect(try run(command, on: server, key: "nsx_live_abc123...") == printed)
        let without = try await server.send("GET", "/api/v1/servers")
        #expect(without.status == 401 && without.json == printed, "\(without)")
        #expect(await server.stop() == 0)
    }

    @Test("the 403, word for word")
    func forbidden() async throws {
        let page = try PrintedPage("nurosentrix")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await server.signUp()
        let key = try await token(server, owner, ["name": "t", "permissions": ["servers:read"]])
        let answer = try await server.send("POST", "/api/v1/servers", key: key, [:])
        let printed = try page.json(Self.refusals, 1)
        #expect(answer.status == 403 && answer.json == printed, "\(answer)")
        #expect(await server.stop() == 0)
    }

    @Test("the login, as printed: its answer has the printed one's members, and a token that works")
    func login() async throws {
        let page = try PrintedPage("nurosentrix")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let body = try page.printed(#"\{\n  "email".*?\n\}"#)
        let form = try JSONReader.read(Array(body.utf8))
        let signUp = try await server.send(
            "POST", "/v1/signup",
            ["email": form["email"] ?? .null, "password": form["password"] ?? .null, "name": "John Doe"])
        try #require(signUp.status == 201, "\(signUp)")
        let answer = try await server.send("POST", "/auth/login", bytes: Array(body.utf8))
        let printed = try page.json(#"\{\n  "success": true,.*?\n\}"#)
        #expect(answer.status == 200 && answer["success"] == printed["success"], "\(answer)")
        for name in try #require(printed["data"]?.object?.names) {
            #expect(answer["data"]?[name] != nil, "\(name)")
        }
        let user = try #require(answer["data"]?["user"])
        #expect(user["email"] == printed["data"]?["user"]?["email"])
        #expect(user["name"] == printed["data"]?["user"]?["name"])
        #expect(user["id"]?.string?.hasPrefix("usr_") == true)
        #expect(answer["data"]?["expires_at"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
        let token = try #require(answer["data"]?["token"]?.string)
        #expect(token.hasPrefix("eyJ"))
        let servers = try run(try page.printed(Self.command), on: server, key: token)
        #expect(servers["success"] == true, "\(servers)")
        #expect(await server.stop() == 0)
    }

    @Test("the page's permissions are the ones that tokens can have, each with its words")
    func permissions() async throws {
        let page = try PrintedPage("nurosentrix")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let table = try await server.send("GET", "/api/v1/permissions")
        let rows = try #require(table["data"]?.array)
        #expect(rows.count == 10)
        let printed = rows.compactMap { row -> String? in
            guard let name = row["permission"]?.string, let words = row["description"]?.string else { return nil }
            return name + words
        }
        #expect(page.contains(printed.joined(separator: "\n")), "\(printed)")
        #expect(await server.stop() == 0)
    }
}
