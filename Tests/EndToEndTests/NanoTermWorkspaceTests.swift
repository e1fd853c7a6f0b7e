import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// NanoTerm's workspaces of the real server, in real sandboxes.
@Suite("NanoTerm workspaces", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct NanoTermWorkspaceTests {
    /// A server with a customer and a workspace.
    private struct World {
        let directory: TemporaryDirectory
        let server: ServerProcess
        let key: String
        let id: String

        var path: String { "/api/workspaces/\(id)" }

        /// The URL of a WebSocket of the workspace.
        func socket(_ tail: String, key: String? = nil) -> String {
            server.url.replacing("http", with: "ws", maxReplacements: 1) + path + tail + "?token=\(key ?? self.key)"
        }

        func exec(_ command: [String], cwd: String? = nil) async throws -> Answer {
            var body: JSONValue = ["command": .array(command.map { .string($0) })]
            if let cwd, var members = body.object {
                members["cwd"] = .string(cwd)
                body = .object(members)
            }
            return try await server.send("POST", path + "/exec", key: key, body)
        }

        /// Puts a file of the tests into the workspace.
        func put(_ name: String) async throws {
            let file = ForeignClient.repository.appending(path: "Tests/EndToEndTests/Clients/\(name)")
            let answer = try await server.send(
                "PUT", path + "/files/\(name)", key: key, bytes: Array(try Data(contentsOf: file)))
            try #require(answer.status == 200, "\(answer)")
        }

        /// Starts something that goes on, and waits until it says `ready`.
        func start(_ command: String) async throws {
            let wait = "for n in $(seq 200); do grep -q ready out && exit 0; sleep 0.05; done; cat out; exit 1"
            let answer = try await exec(["sh", "-c", "(\(command)) > out 2>&1 & \(wait)"])
            try #require(answer["exitCode"] == 0, "\(answer)")
        }
    }

    private func world(_ body: JSONValue = ["name": "work"]) async throws -> World {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        // A dialect's own key would be held to 60 requests a minute; so is this one, which is enough for each test.
        let key = try await server.signUp()
        let made = try await server.send("POST", "/api/workspaces", key: key, body)
        let id = try #require(made["id"]?.string, "\(made)")
        return World(directory: directory, server: server, key: key, id: id)
    }

    private func code(_ answer: Answer) -> JSONValue? { answer["error"]?["code"] }

    @Test("create, list, get, exec, delete with a proof; names are unique while a workspace lives")
    func life() async throws {
        let world = try await world()
        #expect(world.id.hasPrefix("ws_"))
        let shown = try await world.server.send("GET", world.path, key: world.key)
        #expect(shown["name"] == "work" && shown["status"] == "running" && shown["size"] == "xs", "\(shown)")
        #expect(shown["image"] == "system" && shown["ports"] == [])
        let list = try await world.server.send("GET", "/api/workspaces", key: world.key)
        #expect(list.json.array?.map { $0["id"]?.string } == [world.id])
        let again = try await world.server.send("POST", "/api/workspaces", key: world.key, ["name": "work"])
        #expect(again.status == 409 && code(again) == "CONFLICT", "\(again)")

        let run = try await world.exec(["sh", "-c", "echo out; echo err >&2; pwd; exit 3"], cwd: "/tmp")
        #expect(run.status == 200 && run["exitCode"] == 3, "\(run)")
        #expect(run["stdout"] == "out\n/tmp\n" && run["stderr"] == "err\n")
        #expect(try await world.exec(["echo", "$HOME; *"])["stdout"] == "$HOME; *\n", "there is no shell")
        #expect(code(try await world.exec(["true"], cwd: "relative")) == "INVALID_PATH")
        #expect(code(try await world.exec(["true"], cwd: "/workspace/../etc")) == "INVALID_PATH")
        for command in [[], [""], ["true", "a\u{0}b"]] {
            #expect(try await world.exec(command).status == 400, "\(command)")
        }
        for seconds: JSONValue in [0, 86_401] {
            let path = world.path + "/exec"
            let answer = try await world.server.send(
                "POST", path, key: world.key, ["command": ["true"], "timeout": seconds])
            #expect(answer.status == 400, "\(seconds)")
        }
        #expect(code(try await world.exec([])) == "VALIDATION_FAILED")

        let native = "/v1/sessions/\(world.id.replacing("ws_", with: "sess_"))"
        #expect(try await world.server.send("GET", native, key: world.key)["status"] == "active")
        let deleted = try await world.server.send("DELETE", world.path, key: world.key)
        #expect(deleted.status == 200 && deleted["status"] == "destroyed", "\(deleted)")
        let proof = try #require(deleted["cdp"])
        #expect(try await world.server.send("POST", "/v1/verify", proof)["valid"] == true)
        #expect(code(try await world.server.send("GET", world.path, key: world.key)) == "WORKSPACE_NOT_FOUND")
        #expect(try await world.server.send("DELETE", world.path, key: world.key)["cdp"] == proof)
        let next = try await world.server.send("POST", "/api/workspaces", key: world.key, ["name": "work"])
        #expect(next.status == 201, "the name is free again: \(next)")
    }

    @Test("one workspace too many is 429 QUOTA_EXCEEDED, and an idempotent repeat is the first answer")
    func quota() async throws {
        let world = try await world()
        let headers = [("Idempotency-Key", "once")]
        let body = Array(#"{"name":"second"}"#.utf8)
        let path = "/api/workspaces"
        let first = try await world.server.send("POST", path, key: world.key, headers: headers, bytes: body)
        let second = try await world.server.send("POST", path, key: world.key, headers: headers, bytes: body)
        #expect(first.status == 201 && first.body == second.body, "\(second)")
        #expect(try await world.server.send("POST", path, key: world.key, [:]).status == 201)
        let refused = try await world.server.send("POST", path, key: world.key, ["name": "fourth"])
        #expect(refused.status == 429 && code(refused) == "QUOTA_EXCEEDED", "\(refused)")
        #expect(refused.headers["retry-after"] != nil)
        _ = try await world.server.send("DELETE", world.path, key: world.key)
        #expect(
            try await world.server.send("POST", path, key: world.key, ["name": "fourth"]).status == 201,
            "a refused name was not kept")
    }

    @Test("files: put, list, get, delete; paths that leave the workspace, and one file too large, are refused")
    func files() async throws {
        let world = try await world()
        let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let put = try await world.server.send("PUT", world.path + "/files/d/a%20b.bin", key: world.key, bytes: content)
        #expect(put.status == 200 && put["ok"] == true && put["bytes"] == 200_000, "\(put)")
        for path in ["d", "/workspace/d"] {
            let list = try await world.server.send("GET", world.path + "/files?path=\(path)", key: world.key)
            let file = try #require(list["files"]?.array?.first, "\(list)")
            #expect(file["name"] == "a b.bin" && file["size"] == 200_000 && file["isDirectory"] == false)
        }
        let got = try await world.server.send("GET", world.path + "/files/d/a%20b.bin", key: world.key)
        #expect(got.body == content)
        _ = try await world.exec(["ln", "-s", "/etc/passwd", "link"])
        for path in ["link", "..%2f..%2fetc%2fpasswd", "d/..%2f..%2fetc/passwd"] {
            let answer = try await world.server.send("GET", world.path + "/files/\(path)", key: world.key)
            #expect(answer.status == 400 && code(answer) == "INVALID_PATH", "\(path): \(answer)")
        }
        #expect(try await world.server.send("DELETE", world.path + "/files/d/a%20b.bin", key: world.key)["ok"] == true)
        let gone = try await world.server.send("GET", world.path + "/files/d/a%20b.bin", key: world.key)
        #expect(gone.status == 404 && code(gone) == "NOT_FOUND")
        _ = try await world.exec(["sh", "-c", "head -c 120M /dev/zero > ballast"])
        let large = try await world.server.send(
            "PUT", world.path + "/files/large", key: world.key, bytes: [UInt8](repeating: 1, count: 16 << 20))
        #expect(large.status == 429 && code(large) == "STORAGE_QUOTA_EXCEEDED", "\(large)")
        let left = try await world.server.send("GET", world.path + "/files/large", key: world.key)
        #expect(left.status == 404, "half a file is none")
    }

    @Test("the diff is everything since the workspace was made, text as a unified diff")
    func diff() async throws {
        let world = try await world()
        let script = """
            mkdir -p src/deep; printf 'one\\ntwo\\n' > src/a.txt; printf 'no newline' > src/deep/b.txt; : > empty
            head -c 100 /dev/urandom > binary; printf '\\000' >> binary; printf 'x\\n' > 'a
            b'
            """
        #expect(try await world.exec(["sh", "-c", script])["exitCode"] == 0)
        let answer = try await world.server.send("GET", world.path + "/diff", key: world.key)
        let files = try #require(answer["files"]?.array, "\(answer)")
        #expect(
            Set(files.compactMap { $0["path"]?.string }) == [
                "a\nb", "binary", "empty", "src/a.txt", "src/deep/b.txt",
            ])
        #expect(files.allSatisfy { $0["status"] == "added" } && answer["truncated"] == false)
        let text = try #require(answer["diff"]?.string)
        #expect(text.contains("+++ b/src/a.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n"))
        #expect(text.contains("+no newline\n\\ No newline at end of file\n"))
        #expect(!text.contains("\nb\n"), "a name with a newline makes no lines of the diff")
        _ = try await world.exec(["rm", "src/a.txt"])
        let later = try await world.server.send("GET", world.path + "/diff", key: world.key)
        #expect(later["diff"]?.string?.contains("a.txt") == false)
    }

    @Test("the diff of a workspace that holds too much, or too deep, shows a part and says so")
    func largeDiff() async throws {
        let world = try await world()
        let deep = """
            bottom=$(printf 'd/%.0s' $(seq 70)); mkdir -p $bottom; : > $bottom/file; printf 'a\\000b' > nul
            """
        #expect(try await world.exec(["sh", "-c", deep])["exitCode"] == 0)
        let shallow = try await world.server.send("GET", world.path + "/diff", key: world.key)
        #expect(shallow["files"]?.array?.compactMap { $0["path"]?.string } == ["nul"], "\(shallow)")
        #expect(shallow["truncated"] == true)
        #expect(
            shallow["diff"]?.string?.contains("Binary files /dev/null and b/nul differ") == true,
            "what holds a NUL is no text")
        #expect(try await world.exec(["sh", "-c", "rm -r d nul; seq 2001 | xargs touch"])["exitCode"] == 0)
        let wide = try await world.server.send("GET", world.path + "/diff", key: world.key)
        #expect(wide["files"]?.array?.count == 2_000 && wide["truncated"] == true)
        #expect(try await world.exec(["rm", "2001"])["exitCode"] == 0)
        let whole = try await world.server.send("GET", world.path + "/diff", key: world.key)
        #expect(whole["files"]?.array?.count == 2_000 && whole["truncated"] == false)
    }

    @Test("vi edits a file on a real terminal, resizes in the middle of it, and leaves: the screen as pyte shows it")
    func terminal() async throws {
        let world = try await world()
        let seen = try await ForeignClient.terminal(["edit", world.socket("/terminal")])
        let screen = try #require(seen["screen"]?.string, "\(seen)")
        #expect(screen.contains("hello from vié世"), "\(screen)")
        #expect(seen["exit"] == 5 && seen["code"] == 1_000 && seen["errors"] == [], "\(seen)")
        let file = try await world.server.send("GET", world.path + "/files/note.txt", key: world.key)
        #expect(file.text == "hello from vié世\n30 100\n", "\(file)")
        try await expectRecord(of: world)
        let top = try await ForeignClient.terminal(["top", world.socket("/terminal")])
        #expect(top["screen"]?.string?.contains("%CPU") == true, "\(top)")
        let wrong = try await ForeignClient.terminal(["wrong", world.socket("/terminal")])
        #expect(wrong["errors"]?.array?.count == 7, "\(wrong)")
    }

    /// The log says that there was a terminal, for how long and how much; nothing of what was typed.
    private func expectRecord(of world: World) async throws {
        let path = "/v1/sessions/\(world.id.replacing("ws_", with: "sess_"))/events"
        var events: [JSONValue] = []
        for _ in 0..<100 {
            events = try await world.server.send("GET", path, key: world.key)["data"]?.array ?? []
            if events.last?["type"] == "session.terminal_closed" { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(events.suffix(2).map { $0["type"] } == ["session.terminal_opened", "session.terminal_closed"])
        let data = try #require(events.last?["data"])
        #expect(data["exit_code"] == 5 && data["terminal_id"] == events.dropLast().last?["data"]?["terminal_id"])
        let numbers = try ["input_bytes", "output_bytes", "wall_microseconds"].map { try #require(data[$0]?.integer) }
        #expect(numbers[0] > 0 && numbers[1] > numbers[0] && numbers[2] > 0, "\(data)")
        let log = try world.server.printed() + (JSONValue.array(events).canonicalText)
        #expect(!log.contains("note.txt") && !log.contains("hello from"))
    }

    @Test("ten megabytes of output reach a slow reader whole")
    func slowReader() async throws {
        let world = try await world()
        let seen = try await ForeignClient.terminal(
            ["flood", world.socket("/terminal"), "10000000", "0.001"])
        #expect(seen["seen"] == 10_000_000 && seen["ended"] == true && seen["code"] == 1_000, "\(seen)")
    }

    @Test("a terminal that is refused says so in the handshake: no key, a read key, somebody else's, an old client")
    func refusedTerminals() async throws {
        let world = try await world()
        let made = try await world.server.send(
            "POST", "/api/keys", key: world.key, ["name": "r", "permission": "read"])
        let reader = try #require(made["key"]?.string, "\(made)")
        let stranger = try await world.server.signUp("other@company.com")
        let cases: [(String, [String], Int, String)] = [
            (reader, [], 403, "FORBIDDEN"), (stranger, [], 404, "WORKSPACE_NOT_FOUND"),
            ("nt_live_nothing", [], 401, "UNAUTHORIZED"),
            (world.key, ["X-Client-Name=nanoterm-cli", "X-Client-Version=0.1.2"], 426, "CLI_VERSION_TOO_OLD"),
        ]
        for tail in ["/terminal", "/proxy/8000"] {
            for (key, headers, status, code) in cases {
                let seen = try await ForeignClient.terminal(["refused", world.socket(tail, key: key)] + headers)
                #expect(seen["status"] == .integer(Int64(status)), "\(tail): \(seen)")
                #expect(seen["body"]?["error"]?["code"] == .string(code), "\(tail): \(seen)")
            }
        }
    }

    @Test(
        "`python3 -m http.server` inside is reached through the proxy, and nothing of the caller's goes in or comes out"
    )
    func proxy() async throws {
        let world = try await world()
        try await world.put("echo_server.py")
        _ = try await world.exec(["sh", "-c", "mkdir -p site/dir; echo hello > 'site/dir/a b.txt'"])
        let closed = try await world.server.send("GET", world.path + "/proxy/8000/", key: world.key)
        #expect(closed.status == 502 && code(closed) == "PORT_UNREACHABLE", "\(closed)")
        try await world.start("cd site && echo ready && exec python3 -u -m http.server 8000 --bind 127.0.0.1")
        var listing = try await world.server.send("GET", world.path + "/proxy/8000/", key: world.key)
        for _ in 0..<100 where listing.status == 502 {
            try await Task.sleep(for: .milliseconds(50))
            listing = try await world.server.send("GET", world.path + "/proxy/8000/", key: world.key)
        }
        #expect(listing.status == 200 && listing.text.contains("dir/"), "\(listing)")
        #expect(listing.headers["content-security-policy"]?.hasPrefix("sandbox ") == true)
        let file = try await world.server.send("GET", world.path + "/proxy/8000/dir/a%20b.txt?x=1", key: world.key)
        #expect(file.status == 200 && file.text == "hello\n", "\(file)")
        let missing = try await world.server.send("GET", world.path + "/proxy/8000/none", key: world.key)
        #expect(missing.status == 404 && missing["error"] == nil, "the answer is the server's inside: \(missing)")
        let log = try await world.exec(["cat", "out"])
        #expect(log["stdout"]?.string?.contains("/dir/a%20b.txt?x=1") == true, "\(log)")
        let large = try await world.server.send(
            "POST", world.path + "/proxy/8000/", key: world.key, bytes: [UInt8](repeating: 0x20, count: (16 << 20) + 1))
        #expect(large.status == 413, "more than the proxy takes for a server inside: \(large)")
        let most = try await world.server.send(
            "POST", world.path + "/proxy/8000/", key: world.key, bytes: [UInt8](repeating: 0x20, count: 16 << 20))
        #expect(most.status == 501, "http.server takes no POST, and says so itself: \(most)")
        for port in ["0", "65536", "x"] {
            #expect(try await world.server.send("GET", world.path + "/proxy/\(port)", key: world.key).status == 400)
        }
    }

    @Test("a WebSocket echo server inside is reached through the proxy: text, bytes, and its own closing code")
    func webSocketProxy() async throws {
        let world = try await world()
        try await world.put("echo_server.py")
        try await world.start("exec python3 -u echo_server.py 9000")
        let seen = try await ForeignClient.terminal(["echo", world.socket("/proxy/9000")])
        #expect(seen == ["text": "grüß dich", "bytes": true, "code": 4_321], "\(seen)")
        let refused = try await ForeignClient.terminal(["refused", world.socket("/proxy/9001")])
        #expect(refused["status"] == 502 && refused["body"]?["error"]?["code"] == "PORT_UNREACHABLE", "\(refused)")
    }

    @Test("20 terminals whose readers stall: the server's memory stays, and other sessions go on")
    func stalledReaders() async throws {
        let world = try await world()
        let before = try Self.residentBytes(world.server)
        let client = try RunningClient(script: "terminal_client.py", ["stall", world.socket("/terminal"), "20"])
        #expect(try await client.line()["open"] == 20)
        let other = try await world.server.createSession(world.key)
        var most = 0
        for round in 0..<20 {
            let answer = try await world.server.execute("echo \(round)", in: other, key: world.key)
            #expect(answer["stdout"] == .string("\(round)\n"), "\(answer)")
            most = max(most, try Self.residentBytes(world.server))
            try await Task.sleep(for: .milliseconds(100))
        }
        // 20 times `yes` would write gigabytes in that time; a connection may hold a piece and what the kernel takes.
        #expect(most - before < 128 << 20, "\(before) became \(most)")
        client.end()
    }

    /// What of the server is in memory, in bytes.
    private static func residentBytes(_ server: ServerProcess) throws -> Int {
        let status = try String(
            contentsOfFile: "/proc/\(server.process.processIdentifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1_024
    }
}
