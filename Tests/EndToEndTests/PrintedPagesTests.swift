import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// The two pages' examples, run as printed: only the host and the key are replaced.
@Suite("Printed examples", .serialized, .timeLimit(.minutes(10)))
struct PrintedPagesTests {
    /// The page's own.
    private static let password = "password"

    private func page(_ name: String) throws -> String {
        try String(
            contentsOf: ForeignClient.repository.appending(path: "fixtures/pages/\(name).txt"), encoding: .utf8)
    }

    /// The only part of `text` that the pattern describes.
    private func printed(_ pattern: String, in text: String, _ number: Int = 0) throws -> String {
        let regex = try Regex(pattern).dotMatchesNewlines()
        let found = text.matches(of: regex).map { String(text[$0.range]) }
        try #require(found.count > number, "the page has no \(pattern)")
        return found[number]
    }

    /// The page's text has lost the ends of lines: a backslash stands where a command goes on.
    private func shell(_ command: String) throws -> JSONValue {
        let whole = command.replacing("\\ -H", with: "\\\n-H")
        let result = try BuiltPrograms.run("/bin/bash", ["-c", whole.replacing("curl ", with: "curl -s ")])
        try #require(result.status == 0, "\(result.errors)")
        return try JSONReader.read(Array(result.text.utf8), numbers: .ieee754)
    }

    private func signUp(_ server: ServerProcess) async throws -> String {
        let answer = try await server.send(
            "POST", "/v1/signup", ["email": "user@example.com", "password": .string(Self.password)])
        return try #require(answer["api_key"]?.string, "\(answer)")
    }

    @Test("NANDA: both curl commands, and the key management in HTTP")
    func nanda() async throws {
        let page = try page("nanda")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        let signedIn = try await server.send(
            "POST", "/v1/auth/login", ["email": "user@example.com", "password": .string(Self.password)])
        let session = try #require(signedIn["access_token"]?.string, "\(signedIn)")
        let generate = try printed("curl -X POST[^']*-d '[^']*'", in: page)
        #expect(generate.contains("access_token=YOUR_SESSION"))
        let made = try shell(
            generate.replacing("https://nanda.nexartis.com", with: server.url)
                .replacing("YOUR_SESSION", with: session))
        let key = try #require(made["key"]?["raw_key"]?.string, "\(made)")
        #expect(made["key"]?["name"] == "my-agent-key")
        let register = try printed("curl -X POST[^']*-d '[^']*'", in: page, 1)
        #expect(register.contains("nanda_YOUR_KEY_HERE"))
        let registered = try shell(
            register.replacing("https://nanda.nexartis.com", with: server.url)
                .replacing("nanda_YOUR_KEY_HERE", with: key))
        #expect(registered["status"] == "success", "\(registered)")
        #expect(try await server.send("GET", "/lookup/my-agent")["agent_url"] == "https://my-agent.example.com")
        let body = try printed(#"\{"name": "my-key", "tier": "free"\}"#, in: page)
        let created = try await server.send(
            "POST", "/api/developers/keys", key: owner, bytes: Array(body.utf8))
        #expect(created.status == 201)
        let id = try #require(created["key"]?["id"]?.string)
        #expect(try await server.send("GET", "/api/developers/keys", key: owner)["keys"]?.array?.count == 2)
        let revoked = try await server.send("DELETE", "/api/developers/keys/\(id)", key: owner)
        #expect(revoked.status == 200)
        #expect(page.contains(try #require(revoked["message"]?.string)), "the page's own words")
        #expect(await server.stop() == 0)
    }

    @Test("Nexora: the curl command, the Python lines with httpx, the JavaScript lines in Node.js")
    func nexora() async throws {
        let page = try page("nexora")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        _ = try await server.send(
            "POST", "/register", key: owner, ["agent_id": "a", "agent_url": "https://a.example"])
        let body = try printed(#"\{ "name": "CI pipeline" \}"#, in: page)
        let made = try await server.send("POST", "/api/users/me/api-keys", key: owner, bytes: Array(body.utf8))
        let key = try #require(made["key"]?.string, "\(made)")
        func mine(_ text: String) -> String {
            text.replacing("https://nexora.example.com", with: server.url)
                .replacing("nxr_your_api_key_here", with: key)
        }
        func expectAgents(_ agents: JSONValue) {
            #expect(agents.array?.map { $0["name"] ?? .null } == ["a"], "\(agents)")
        }

        expectAgents(try shell(mine(try printed(#"curl https[^"]*"[^"]*""#, in: page))))

        let python = mine(try printed(#"import httpx.*?\.json\(\)"#, in: page))
            .replacing(" client = ", with: "\nclient = ").replacing(" agents = ", with: "\nagents = ")
        let byPython = try BuiltPrograms.run(
            try ForeignClient.python(), ["-c", "import json\n\(python)\nprint(json.dumps(agents))"])
        try #require(byPython.status == 0, "\(byPython.errors)")
        expectAgents(try JSONReader.read(Array(byPython.text.utf8)))

        let script = mine(try printed(#"const client = .*?r\.json\(\)\);"#, in: page))
        let byNode = try BuiltPrograms.run(
            "/usr/bin/env",
            ["node", "--input-type=module", "-e", "\(script)\nconsole.log(JSON.stringify(agents))"])
        try #require(byNode.status == 0, "\(byNode.errors)")
        expectAgents(try JSONReader.read(Array(byNode.text.utf8)))
        #expect(await server.stop() == 0)
    }

    @Test("Nexora: the WebSocket lines with a JWT of the printed login and with a key")
    func nexoraWebSocket() async throws {
        let page = try page("nexora")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        _ = try await server.send(
            "POST", "/register", key: owner, ["agent_id": "a", "agent_url": "https://a.example"])
        let body = try printed(#"\{ "email": "user@example.com", "password": "password" \}"#, in: page)
        let signedIn = try await server.send("POST", "/api/auth/login", bytes: Array(body.utf8))
        let token = try #require(signedIn["access_token"]?.string, "\(signedIn)")
        let made = try await server.send("POST", "/api/users/me/api-keys", key: owner, ["name": "ws"])
        let key = try #require(made["key"]?.string)
        for (printedToken, real) in [("eyJ...", token), ("nxr_...", key)] {
            let line = "wss://nexora.example.com/api/ws/{chat_id}?token=\(printedToken)"
            #expect(page.contains(line))
            let url = line.replacing("wss://nexora.example.com", with: server.url.replacing("http", with: "ws"))
                .replacing("{chat_id}", with: "a").replacing(printedToken, with: real)
            let seen = try await ForeignClient.webSocket(["talk", url])
            #expect(seen["code"] == 1_000 && seen["messages"]?.array?.count == 3, "\(seen)")
        }
        #expect(await server.stop() == 0)
    }
}
