import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `/api/ws/{chat_id}` of the real server, as PyPI's `websockets` and a bare socket see it.
@Suite("WebSockets", .serialized, .timeLimit(.minutes(10)))
struct WebSocketTests {
    private static let password = "correct horse battery staple"
    private static let chat = "/api/ws/my-agent"

    /// A server with a customer who has a password and an agent.
    private struct World {
        let directory: TemporaryDirectory
        let server: ServerProcess
        let key: String

        /// The URL of a chat with a token in its query.
        func url(_ path: String = WebSocketTests.chat, token: String?) -> String {
            let separator = path.contains("?") ? "&" : "?"
            return server.url.replacing("http", with: "ws", maxReplacements: 1) + path
                + (token.map { "\(separator)token=\($0)" } ?? "")
        }
    }

    private func world(_ options: [String] = []) async throws -> World {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, options)
        let answer = try await server.send(
            "POST", "/v1/signup", ["email": "user@example.com", "password": .string(Self.password)])
        let key = try #require(answer["api_key"]?.string, "\(answer)")
        let agent = try await server.send(
            "POST", "/register", key: key, ["agent_id": "my-agent", "agent_url": "https://my-agent.example.com"])
        try #require(agent.status == 200, "\(agent)")
        return World(directory: directory, server: server, key: key)
    }

    private func logIn(_ world: World) async throws -> String {
        let answer = try await world.server.send(
            "POST", "/api/auth/login", ["email": "user@example.com", "password": .string(Self.password)])
        return try #require(answer["access_token"]?.string, "\(answer)")
    }

    @Test("a key or a JWT, in the subprotocol, the header or the query: connected, pong, and a clean end")
    func authentication() async throws {
        let world = try await world()
        let token = try await logIn(world)
        let other = try await world.server.signUp("other@example.com")
        let ways = [
            [world.url(token: world.key)], [world.url(token: token)],
            [world.url(token: nil), "subprotocol=nexora-bearer,\(world.key)"],
            [world.url(token: nil), "authorization=Bearer \(world.key)"],
            // The subprotocol goes before the header, the header before the query.
            [world.url(token: other), "authorization=Bearer \(token)"],
            [world.url(token: "nonsense"), "subprotocol=nexora-bearer,\(token)", "authorization=Bearer \(other)"],
        ]
        for way in ways {
            let seen = try await ForeignClient.webSocket(["talk"] + way)
            let messages = try #require(seen["messages"]?.array, "\(seen)")
            #expect(messages.map { $0["type"]?.string } == ["connected", "pong", "error"], "\(seen)")
            #expect(messages[0]["chat_id"] == "my-agent")
            #expect(messages[2]["code"] == "not_supported" && messages[2]["client_message_id"] == "c1")
            #expect(seen["code"] == 1_000)
            #expect(seen["pinged"] == true)
            let isSubprotocol = way.contains { $0.hasPrefix("subprotocol") }
            #expect(seen["subprotocol"]?.string == (isSubprotocol ? "nexora-bearer" : nil))
        }
        #expect(await world.server.stop() == 0)
        let printed = try world.server.printed()
        #expect(!printed.contains(world.key) && !printed.contains(token), "no token is ever logged")
        #expect(printed.contains("/api/ws/:chat_id"))
    }

    @Test("upgraded and closed with 4001, 4003, 4004 and 4029, each for its reason")
    func closingCodes() async throws {
        let world = try await world()
        let weak = try await world.server.send(
            "POST", "/api/users/me/api-keys", key: world.key, ["name": "weak", "scopes": ["keys:read"]])
        let stranger = try await world.server.signUp("other@example.com")
        let used = try await world.server.send(
            "POST", "/v1/api-keys", key: world.key,
            ["name": "used", "prefix": "nanda_", "monthly_limit": 1])
        let usedKey = try #require(used["api_key"]?.string, "\(used)")
        let cases: [(String, Int64)] = [
            (world.url(token: nil), 4_001), (world.url(token: "nxr_wrong"), 4_001),
            (world.url(token: "eyJ.a.b"), 4_001), (world.url(token: try #require(weak["key"]?.string)), 4_003),
            (world.url("/api/ws/nobody", token: world.key), 4_004), (world.url(token: stranger), 4_004),
            (world.url("/api/ws/sess_00000000000000000000000000000000", token: world.key), 4_004),
            (world.url("/api/ws/00000000-0000-0000-0000-000000000000", token: world.key), 4_004),
            (world.url(Self.chat + "?after=x", token: world.key), 1_008),
        ]
        for (url, code) in cases {
            let seen = try await ForeignClient.webSocket(["talk", url])
            #expect(seen["code"]?.integer == code, "\(url): \(seen)")
            #expect(seen["reason"]?.string?.isEmpty == false)
        }
        let once = try await world.server.send("GET", "/api/agents", key: usedKey)
        #expect(once.status == 200, "\(once)")
        #expect(try await ForeignClient.webSocket(["talk", world.url(token: usedKey)])["code"] == 4_029)
        #expect(await world.server.stop() == 0)
    }

    @Test("a page of a foreign origin is closed with 4003; the server's own and an allowed one are let in")
    func origins() async throws {
        let world = try await world(["--cors-origin", "https://app.example.com"])
        for (origin, code) in [
            ("https://evil.example", 4_003), (world.server.url, 1_000), ("https://app.example.com", 1_000),
        ] as [(String, Int64)] {
            let seen = try await ForeignClient.webSocket(["talk", world.url(token: world.key), "origin=\(origin)"])
            #expect(seen["code"]?.integer == code, "\(origin): \(seen)")
        }
        #expect(await world.server.stop() == 0)
    }

    @Test(
        "whatever a client sends: the closing code that RFC 6455 has for it, the end of the connection, and a live server"
    )
    func edges() async throws {
        let world = try await world()
        let seen = try await ForeignClient.webSocket(["wrong", world.url(token: try await logIn(world))])
        let expected: [String: Int64] = [
            "bad_utf8": 1_007, "bad_utf8_in_fragments": 1_007, "reserved_opcode": 1_002,
            "reserved_control_opcode": 1_002, "reserved_bit": 1_002, "unmasked": 1_002, "fragmented_ping": 1_002,
            "long_ping": 1_002, "nothing_to_continue": 1_002, "message_in_message": 1_002, "oversized": 1_009,
            "oversized_announced": 1_009, "oversized_in_fragments": 1_009, "too_many_fragments": 1_009,
            "binary": 1_003, "close_1005": 1_002, "close_999": 1_002, "close_one_byte": 1_002,
            "close_bad_utf8": 1_007, "close_3000": 3_000, "close_empty": 1_000, "fragments_and_ping": 1_000,
            "bytes_one_by_one": 1_000,
        ]
        #expect(Set(seen.object?.names ?? []) == Set(expected.keys))
        for (name, code) in expected {
            #expect(seen[name]?["code"]?.integer == code, "\(name): \(seen[name] ?? .null)")
            #expect(seen[name]?["ended"] == true, "\(name)")
        }
        #expect(seen["fragments_and_ping"]?["text"]?.array?.last == #"{"type":"pong"}"#)
        #expect(seen["fragments_and_ping"]?["pongs"] == ["between"], "a ping may come between the fragments")
        #expect(seen["bytes_one_by_one"]?["text"]?.array?.last == #"{"type":"pong"}"#)
        let early = try await ForeignClient.webSocket(["early", world.url(token: world.key)])
        #expect(early["text"]?.array?.last == #"{"type":"pong"}"#, "\(early)")
        #expect(try await world.server.send("GET", "/stats").status == 200)
        #expect(await world.server.stop() == 0)
    }

    @Test(
        "what is no handshake goes to the router whole, and the first request of a connection is a request like others")
    func notHandshakes() async throws {
        let world = try await world()
        let url = world.url(token: world.key)
        let upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        let cases: [(String, [String], Int64)] = [
            (url, upgrade, 426), (url, upgrade + ["Sec-WebSocket-Version: 8"], 426),
            (url, ["Upgrade: h2c", "Connection: Upgrade"], 426), (url, [], 426),
            (world.server.url + "/stats", upgrade + ["Sec-WebSocket-Version: 13"], 200),
            (world.server.url + "/api/ws/a/b", upgrade + ["Sec-WebSocket-Version: 13"], 404),
        ]
        for (url, lines, status) in cases {
            let seen = try await ForeignClient.webSocket(["handshake", url] + lines)
            #expect(seen["status"]?.integer == status, "\(lines): \(seen)")
        }
        let accepted = try await ForeignClient.webSocket(
            ["handshake", url] + upgrade + ["Sec-WebSocket-Version: 13"])
        #expect(accepted["head"]?.string?.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == true, "RFC 6455's own example")
        #expect(await world.server.stop() == 0)
    }

    @Test("events come as they happen and again from any position; a session's end, or its agent's, ends the feed")
    func feed() async throws {
        let world = try await world()
        let live = try RunningClient(["follow", world.url(token: world.key)])
        let connected = try await live.line()
        #expect(connected["type"] == "connected", "\(connected)")
        for alive in [false, true] {
            let changed = try await world.server.send(
                "PUT", "/agents/my-agent/status", key: world.key, ["alive": .bool(alive)])
            try #require(changed.status == 200, "\(changed)")
        }
        var sequences: [Int64] = []
        for alive in [false, true] {
            let event = try await live.line()
            #expect(event["type"] == "event" && event["event"] == "agent.status_changed", "\(event)")
            #expect(event["data"]?["alive"]?.bool == alive)
            sequences.append(try #require(event["sequence"]?.integer))
        }
        let again = try RunningClient(["follow", world.url(Self.chat + "?after=\(sequences[0])", token: world.key)])
        #expect(try await again.line()["position"]?.integer == sequences[0])
        #expect(try await again.line()["sequence"]?.integer == sequences[1], "exactly what came after")
        let whole = try RunningClient(["follow", world.url(Self.chat + "?after=0", token: world.key)])
        _ = try await whole.line()
        #expect(try await whole.line()["event"] == "agent.registered")
        _ = try await world.server.send("DELETE", "/agents/my-agent", key: world.key)
        for client in [live, again] {
            let end = try await client.line()
            #expect(end["type"] == "closed" && end["code"] == 1_000, "\(end)")
        }
        #expect(await world.server.stop() == 0)
    }

    @Test("a session's chat, under each of its names, until its proof", .enabled(if: Isolation.isAvailable))
    func sessionFeed() async throws {
        let world = try await world()
        let session = try await world.server.createSession(world.key)
        let digits = session.dropFirst(5)
        let client = try RunningClient(["follow", world.url("/api/ws/\(session)?after=0", token: world.key)])
        #expect(try await client.line()["type"] == "connected")
        #expect(try await client.line()["event"] == "session.created")
        let executed = try await world.server.execute("true", in: session, key: world.key)
        try #require(executed.status == 200, "\(executed)")
        #expect(try await client.line()["event"] == "session.executing")
        #expect(try await client.line()["event"] == "session.executed")
        for name in ["ws_\(digits)", "inst_\(digits)"] {
            let seen = try await ForeignClient.webSocket(["talk", world.url("/api/ws/\(name)", token: world.key)])
            #expect(seen["code"] == 1_000 && seen["messages"]?.array?.count == 3, "\(name): \(seen)")
        }
        _ = try await world.server.send("DELETE", "/v1/sessions/\(session)", key: world.key)
        var types: [String] = []
        while true {
            let line = try await client.line()
            if line["type"] == "closed" {
                #expect(line["code"] == 1_000)
                break
            }
            try #require(line != .null)
            types.append(line["event"]?.string ?? "")
        }
        #expect(types.suffix(2) == ["session.destroyed", "proof.issued"], "\(types)")
        #expect(await world.server.stop() == 0)
    }

    @Test("a revoked key's connections end at once with 4001, a signed-out member's too, the others stay")
    func revocation() async throws {
        let world = try await world()
        let made = try await world.server.send(
            "POST", "/api/users/me/api-keys", key: world.key, ["name": "soon gone"])
        let token = try await logIn(world)
        let byKey = try RunningClient(["follow", world.url(token: try #require(made["key"]?.string))])
        let byToken = try RunningClient(["follow", world.url(token: token)])
        let owner = try RunningClient(["follow", world.url(token: world.key)])
        for client in [byKey, byToken, owner] { #expect(try await client.line()["type"] == "connected") }
        let id = try #require(made["id"]?.string)
        let revoked = try await world.server.send("DELETE", "/api/users/me/api-keys/\(id)", key: world.key)
        #expect(revoked.status == 204, "\(revoked)")
        #expect(try await byKey.line()["code"] == 4_001)
        let signedOut = try await world.server.send("POST", "/v1/auth/logout", key: token, [:])
        #expect(signedOut.status == 200, "\(signedOut)")
        #expect(try await byToken.line()["code"] == 4_001)
        _ = try await world.server.send("PUT", "/agents/my-agent/status", key: world.key, ["alive": false])
        #expect(try await owner.line()["event"] == "agent.status_changed")
        #expect(await world.server.stop() == 0)
        #expect(try await owner.line()["code"] == 1_001, "the server says goodbye when it stops")
    }

    @Test("over TLS, which a browser does with HTTP/1.1, the same")
    func overTLS() async throws {
        let certificate = ForeignClient.repository.appending(path: "fixtures/tls/localhost.crt")
            .path(percentEncoded: false)
        let key = certificate.replacing(".crt", with: ".key")
        setenv("CA_FILE", certificate, 1)
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--tls-cert", certificate, "--tls-key", key])
        func curl(_ path: String, _ arguments: [String]) throws -> JSONValue {
            let answer = try BuiltPrograms.run(
                "/usr/bin/curl", ["-s", "-m", "30", "--cacert", certificate, server.url + path] + arguments)
            return try JSONReader.read(Array(answer.text.utf8))
        }
        let signedUp = try curl("/v1/signup", ["-d", #"{"email":"you@company.com"}"#])
        let apiKey = try #require(signedUp["api_key"]?.string)
        _ = try curl(
            "/register",
            [
                "-H", "Authorization: Bearer \(apiKey)", "-d",
                #"{"agent_id":"my-agent","agent_url":"https://a.example"}"#,
            ])
        let url = server.url.replacing("https", with: "wss") + "/api/ws/my-agent?token=" + apiKey
        let seen = try await ForeignClient.webSocket(["talk", url])
        #expect(seen["messages"]?.array?.count == 3 && seen["code"] == 1_000, "\(seen)")
        #expect(await server.stop() == 0)
    }

    @Test(
        "100 connections with one credential are the most: the 101st is closed with 4029, and a closed one makes room")
    func perCaller() async throws {
        let world = try await world()
        let token = try await logIn(world)
        let seen = try await ForeignClient.webSocket(["hold", world.url(token: token), "103"])
        #expect(seen["open"] == 100, "\(seen)")
        #expect(seen["codes"] == [4_029, 4_029, 4_029])
        #expect(seen["again"] == "connected")
        #expect(await world.server.stop() == 0)
    }

    @Test("a client that sends and never reads is not read any more, and the server's memory does not follow it")
    func slowReader() async throws {
        let world = try await world()
        let before = try Self.residentBytes(of: world.server)
        let client = try RunningClient(["flood", world.url(token: world.key)])
        let seen = try await client.line()
        #expect(seen["stopped"] == true, "after \(seen["sent"] ?? .null) bytes nothing more is taken")
        #expect(try Self.residentBytes(of: world.server) - before < 48 << 20)
        client.end()
        #expect(await world.server.stop() == 0)
    }

    @Test("thousands of connections, clean ones and broken ones, leave no descriptor and no memory behind")
    func noLeak() async throws {
        let count = Int(ProcessInfo.processInfo.environment["NRX_SOAK_CONNECTIONS"] ?? "") ?? 600
        let world = try await world()
        let url = world.url(token: try await logIn(world))
        // What the first connections load stays.
        _ = try await ForeignClient.webSocket(["many", url, "100"])
        _ = try await ForeignClient.webSocket(["gone", url, "30"])
        try await Self.settle(world.server)
        let descriptors = try Self.descriptors(of: world.server)
        let memory = try Self.residentBytes(of: world.server)
        let seen = try await ForeignClient.webSocket(["many", url, String(count)])
        #expect(seen["done"]?.integer == Int64(count), "\(seen)")
        _ = try await ForeignClient.webSocket(["gone", url, String(count / 10)])
        try await Self.settle(world.server)
        #expect(try Self.descriptors(of: world.server) <= descriptors + 2)
        #expect(try Self.residentBytes(of: world.server) - memory < 32 << 20)
        #expect(await world.server.stop() == 0)
    }

    /// Waits until every socket is closed; a test that fails does so after ten seconds.
    private static func settle(_ server: ServerProcess) async throws {
        for _ in 0..<200 {
            let sockets = try BuiltPrograms.run(
                "/bin/bash", ["-c", "ls -l /proc/\(server.process.processIdentifier)/fd | grep -c socket:"])
            // Those that listen, for HTTP and for the operator, and HTTP connections of this test's own client.
            if let count = Int(sockets.text.split(separator: "\n").first ?? ""), count <= 8 { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func descriptors(of server: ServerProcess) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.process.processIdentifier)/fd").count
    }

    private static func residentBytes(of server: ServerProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(server.process.processIdentifier)/statm", encoding: .utf8)
        return 4_096 * (try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) }))
    }
}
