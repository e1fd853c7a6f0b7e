import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// The pages' examples, run as printed: only the host and the key are replaced.
@Suite("Printed examples", .serialized, .timeLimit(.minutes(10)))
struct PrintedPagesTests {
    /// The page's own.
    private static let password = "password"

    private func signUp(_ server: ServerProcess) async throws -> String {
        let answer = try await server.send(
            "POST", "/v1/signup", ["email": "user@example.com", "password": .string(Self.password)])
        return try #require(answer["api_key"]?.string, "\(answer)")
    }

    @Test("NANDA: both curl commands, and the key management in HTTP")
    func nanda() async throws {
        let page = try PrintedPage("nanda")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        let signedIn = try await server.send(
            "POST", "/v1/auth/login", ["email": "user@example.com", "password": .string(Self.password)])
        let session = try #require(signedIn["access_token"]?.string, "\(signedIn)")
        let generate = try page.printed("curl -X POST[^']*-d '[^']*'")
        #expect(generate.contains("access_token=YOUR_SESSION"))
        let made = try PrintedPage.answer(
            to:
                generate.replacing("https://nanda.nexartis.com", with: server.url)
                .replacing("YOUR_SESSION", with: session))
        let key = try #require(made["key"]?["raw_key"]?.string, "\(made)")
        #expect(made["key"]?["name"] == "my-agent-key")
        let register = try page.printed("curl -X POST[^']*-d '[^']*'", 1)
        #expect(register.contains("nanda_YOUR_KEY_HERE"))
        let registered = try PrintedPage.answer(
            to:
                register.replacing("https://nanda.nexartis.com", with: server.url)
                .replacing("nanda_YOUR_KEY_HERE", with: key))
        #expect(registered["status"] == "success", "\(registered)")
        #expect(try await server.send("GET", "/lookup/my-agent")["agent_url"] == "https://my-agent.example.com")
        let body = try page.printed(#"\{"name": "my-key", "tier": "free"\}"#)
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
        let page = try PrintedPage("nexora")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        _ = try await server.send(
            "POST", "/register", key: owner, ["agent_id": "a", "agent_url": "https://a.example"])
        let body = try page.printed(#"\{ "name": "CI pipeline" \}"#)
        let made = try await server.send("POST", "/api/users/me/api-keys", key: owner, bytes: Array(body.utf8))
        let key = try #require(made["key"]?.string, "\(made)")
        func mine(_ text: String) -> String {
            text.replacing("https://nexora.example.com", with: server.url)
                .replacing("nxr_your_api_key_here", with: key)
        }
        func expectAgents(_ agents: JSONValue) {
            #expect(agents.array?.map { $0["name"] ?? .null } == ["a"], "\(agents)")
        }

        expectAgents(try PrintedPage.answer(to: mine(try page.printed(#"curl https[^"]*"[^"]*""#))))

        let python = mine(try page.printed(#"import httpx.*?\.json\(\)"#))
            .replacing(" client = ", with: "\nclient = ").replacing(" agents = ", with: "\nagents = ")
        let byPython = try BuiltPrograms.run(
            try ForeignClient.python(), ["-c", "import json\n\(python)\nprint(json.dumps(agents))"])
        try #require(byPython.status == 0, "\(byPython.errors)")
        expectAgents(try JSONReader.read(Array(byPython.text.utf8)))

        let script = mine(try page.printed(#"const client = .*?r\.json\(\)\);"#))
        let byNode = try BuiltPrograms.run(
            "/usr/bin/env",
            ["node", "--input-type=module", "-e", "\(script)\nconsole.log(JSON.stringify(agents))"])
        try #require(byNode.status == 0, "\(byNode.errors)")
        expectAgents(try JSONReader.read(Array(byNode.text.utf8)))
        #expect(await server.stop() == 0)
    }

    @Test("Nexora: the WebSocket lines with a JWT of the printed login and with a key")
    func nexoraWebSocket() async throws {
        let page = try PrintedPage("nexora")
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await signUp(server)
        _ = try await server.send(
            "POST", "/register", key: owner, ["agent_id": "a", "agent_url": "https://a.example"])
        let body = try page.printed(#"\{ "email": "user@example.com", "password": "password" \}"#)
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
