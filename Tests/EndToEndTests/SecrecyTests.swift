import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// No secret and no content is ever on the disk in the process's own log or in the metrics (CONTRIBUTING.md, invariant 4).
@Suite("Secrecy", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct SecrecyTests {
    /// Words that stand nowhere else in the world.
    private struct Markers {
        let mailbox = Self.word()
        let refusedMailbox = Self.word()
        let command = Self.word()
        let input = Self.word()
        let variable = Self.word()
        let file = Self.word()
        let path = Self.word()
        let member = Self.word()
        let password = Self.word()
        /// What commands print is made inside: half of it here, half of it there.
        let outputHead = Self.word()
        let outputTail = Self.word()
        let errorHead = Self.word()
        let errorTail = Self.word()

        var all: [(what: String, text: String)] {
            [
                ("an e-mail", mailbox), ("a refused e-mail", refusedMailbox), ("a command", command),
                ("input_data", input), ("an environment variable", variable), ("a file's content", file),
                ("a path", path), ("a member of a broken body", member), ("a query", password),
                ("standard output", outputHead + outputTail), ("standard error", errorHead + errorTail),
            ]
        }

        private static func word() -> String {
            var generator = SystemRandomNumberGenerator()
            return "zq" + (0..<14).map { _ in String(UInt8.random(in: 0...35, using: &generator), radix: 36) }.joined()
        }
    }

    @Test(
        "after a whole story with every kind of error, no key, e-mail, input, command or output is on the disk or logged"
    )
    func nothingLeaks() async throws {
        let directory = try TemporaryDirectory()
        let markers = Markers()
        let server = try await ServerProcess.start(in: directory, ["--log-level", "trace"])
        let key = try await server.signUp("\(markers.mailbox)@company.com")
        let second = try await server.send("POST", "/v1/api-keys", key: key, ["name": "second"])
        let secondKey = try #require(second["api_key"]?.string)
        let rotated = try await rotate(server, key: key, second)
        let test = try await server.send("POST", "/v1/api-keys", key: key, ["name": "t", "environment": "test"])
        let testKey = try #require(test["api_key"]?.string)
        _ = try await server.send("GET", "/v1/customers/me", key: testKey)
        try await tellStory(server, key: key, markers)
        try await provokeErrors(server, key: key, secondKey: secondKey, markers)
        let identity = try await tellIdentityStory(server, in: directory)
        let keys =
            [
                ("an API key", key), ("another API key", secondKey), ("a rotated API key", rotated),
                ("a test key", testKey),
            ]
            + [key, secondKey, rotated, testKey].map { ("an API key's secret", String($0.dropFirst(13))) }
        // What the operator's monitoring reads is looked through like everything on the disk.
        let metrics = try BuiltPrograms.run(
            "/usr/bin/curl",
            ["-fsS", "--unix-socket", directory.path + "/data/admin/socket", "http://localhost/metrics"])
        #expect(metrics.text.contains("nrx_http_requests_total"), "\(metrics.errors)")
        try metrics.output.write(to: URL(filePath: directory.path + "/metrics.txt"))
        try expectNothing(of: markers.all + keys + identity, in: directory, "while the server runs")
        #expect(await server.stop() == 0)
        try expectNothing(of: markers.all + keys + identity, in: directory, "after the stop")
        // The look itself works: what may be on the disk is found by it.
        let customer = try #require(second["id"]?.string)
        #expect(throws: Leak.self) { try search(for: [("an id", customer)], in: directory) }
    }

    /// Passwords, invitations and tokens, used and refused.
    ///
    /// - Returns: everything of it that must stand nowhere.
    private func tellIdentityStory(
        _ server: ServerProcess, in directory: TemporaryDirectory
    ) async throws -> [(what: String, text: String)] {
        let passwords = (0..<5).map { "pw\($0)-\(UUID().uuidString)" }
        let mailboxes = (0..<2).map { "mb\($0)\(UUID().uuidString)" }
        let names = (0..<2).map { "nm\($0)-\(UUID().uuidString)" }
        func post(_ path: String, key: String? = nil, _ body: [String: String]) async throws -> Answer {
            var object = JSONObject()
            for (name, value) in body { object[name] = .string(value) }
            return try await server.send("POST", path, key: key, .object(object))
        }
        let email = "\(mailboxes[0])@company.com"
        let made = try await post("/v1/signup", ["email": email, "password": passwords[0], "name": names[0]])
        let customer = try #require(made["customer_id"]?.string, "\(made)")
        let program = try BuiltPrograms.path("nrx-server")
        let place = ["--data-dir", directory.path + "/data", "--json"]
        _ = try BuiltPrograms.run(program, ["admin", "set-plan", customer, "starter"] + place)
        let issued = try BuiltPrograms.run(program, ["admin", "issue-reset-token", email] + place)
        let reset = try #require(try JSONReader.read(Array(issued.output))["reset_token"]?.string, "\(issued.errors)")
        let first = try await post("/v1/auth/login", ["email": email, "password": passwords[0]])
        let access = try #require(first["access_token"]?.string, "\(first)")
        let invited = try await post(
            "/v1/invitations", key: access, ["email": "\(mailboxes[1])@company.com", "role": "developer"])
        let invitation = try #require(invited["token"]?.string, "\(invited)")
        let joined = try await post(
            "/v1/invitations/accept", ["token": invitation, "password": passwords[1], "name": names[1]])
        #expect(joined.status == 201, "\(joined)")
        let refresh = try #require(first["refresh_token"]?.string)
        let second = try await post("/v1/auth/refresh", ["refresh_token": refresh])
        #expect(second.status == 200)
        #expect(try await post("/v1/auth/refresh", ["refresh_token": refresh]).status == 401)
        #expect(try await post("/v1/auth/login", ["email": email, "password": passwords[2]]).status == 401)
        let changed = try await post("/v1/auth/password/reset", ["reset_token": reset, "new_password": passwords[3]])
        #expect(changed.status == 200)
        #expect(
            try await post("/v1/auth/password/reset", ["reset_token": reset, "new_password": "short"]).status == 400)
        let last = try await post("/v1/auth/login", ["email": email, "password": passwords[3]])
        let token = try #require(last["access_token"]?.string)
        let other = try await post(
            "/v1/auth/password", key: token, ["current_password": passwords[3], "new_password": passwords[4]])
        #expect(other.status == 200, "\(other)")
        _ = try await server.send("GET", "/v1/auth/me", headers: [("Cookie", "access_token=\(token)")])
        let tokens = [first, second, last, other].flatMap { answer in
            ["access_token", "refresh_token"].compactMap { answer[$0]?.string }
        }
        return passwords.map { ("a password", $0) } + mailboxes.map { ("a member's e-mail", $0) }
            + names.map { ("a member's name", $0) } + tokens.map { ("a token", $0) }
            + tokens.compactMap { $0.split(separator: ".").last.map { ("a token's signature", String($0)) } }
            + [("an invitation's token", invitation), ("a reset token", reset), ("a verifier", "$argon2id$")]
    }

    /// Rotates the second key, which then goes on with both its secrets.
    private func rotate(_ server: ServerProcess, key: String, _ second: Answer) async throws -> String {
        let path = "/v1/api-keys/\(try #require(second["id"]?.string))"
        let answer = try await server.send("POST", path + "/rotate", key: key, ["grace_period": 3_600])
        let rotated = try #require(answer["api_key"]?.string)
        #expect(try await server.send("GET", path, key: rotated).status == 200)
        return rotated
    }

    @Test("no core dump of the server is written, and one that a handler gets would hold none of its memory")
    func coreDumps() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let process = "/proc/\(server.process.processIdentifier)"
        let limits = try String(contentsOfFile: process + "/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(core)")
        let filter = try String(contentsOfFile: process + "/coredump_filter", encoding: .utf8)
        #expect(filter.allSatisfy { $0 == "0" || $0 == "\n" }, "\(filter)")
        await server.stop()
    }

    private func tellStory(_ server: ServerProcess, key: String, _ markers: Markers) async throws {
        let session = try await server.createSession(key, ["data_classification": "PHI"])
        let answer = try await server.send(
            "POST", "/v1/sessions/\(session)/exec", key: key,
            [
                "command": .string(
                    """
                    : \(markers.command); cat input/data; echo \(markers.file) > file; printf '%s%s' \(markers.outputHead) \
                    \(markers.outputTail); printf '%s%s' \(markers.errorHead) \(markers.errorTail) >&2; echo $SECRET
                    """),
                "input_data": .string(markers.input), "env": ["SECRET": .string(markers.variable)],
            ])
        try #require(answer["stdout"]?.string?.contains(markers.outputHead + markers.outputTail) == true, "\(answer)")
        try #require(answer["stdout"]?.string?.contains(markers.variable) == true)
        _ = try await server.send("GET", "/v1/customers/me", key: key)
        let ended = try await server.send("DELETE", "/v1/sessions/\(session)", key: key)
        try #require(ended.status == 200, "\(ended)")
        // A session that is still full when the server stops.
        let live = try await server.createSession(key)
        _ = try await server.execute("echo \(markers.file) > file", in: live, key: key)
    }

    private func provokeErrors(_ server: ServerProcess, key: String, secondKey: String, _ markers: Markers) async throws
    {
        let session = try await server.createSession(key)
        let exec = "/v1/sessions/\(session)/exec"
        let bodies: [(path: String, body: String, status: Int)] = [
            ("/v1/signup", #"{"email":"\#(markers.mailbox)@company.com"}"#, 409),
            ("/v1/signup", #"{"email":"\#(markers.refusedMailbox)@@company.com"}"#, 400),
            (
                "/v1/signup",
                #"{"email":"\#(markers.refusedMailbox)@company.com","jurisdiction":"\#(markers.member)"}"#, 400
            ),
            ("/v1/signup", #"{"email":"\#(markers.refusedMailbox)@company.com""#, 400),
            ("/v1/api-keys", #"{"name":"a","permissions":["\#(markers.member)"]}"#, 400),
            (exec, #"{"command":"\#(markers.command)\u0000"}"#, 400),
            (exec, #"{"command":"true","cwd":"\#(markers.path)"}"#, 400),
            (exec, #"{"command":"true","cwd":"/\#(markers.path)"}"#, 400),
            (exec, #"{"command":"true","env":{"\#(markers.member)=":"\#(markers.variable)"}}"#, 400),
            (exec, #"{"\#(markers.member)":1,"\#(markers.member)":2}"#, 400),
            (exec, #"{"command":"/\#(markers.path)/\#(markers.command)"}"#, 200),
            (exec, #"{"command":["/\#(markers.path)/\#(markers.command)"]}"#, 200),
            ("/v1/verify", #"{"\#(markers.member)":"\#(markers.input)"}"#, 400),
        ]
        for (path, body, status) in bodies {
            let answer = try await server.send("POST", path, key: key, bytes: Array(body.utf8))
            #expect(answer.status == status, "\(body): \(answer)")
        }
        let paths = [
            "/v1/sessions/\(markers.path)", "/v1/\(markers.path)?token=\(markers.password)", "/v1/keys/\(markers.path)",
            "/v1/customers/me?api_key=\(key)&password=\(markers.password)", "/\(key)",
        ]
        for path in paths { _ = try await server.send("GET", path, key: secondKey) }
        _ = try await server.send("GET", "/v1/customers/me", headers: [("Authorization", "Basic \(key)")])
        _ = try await server.send("GET", "/v1/customers/me", headers: [("Authorization", "Bearer \(key)x")])
        _ = try await server.send("PUT", "/v1/customers/me", headers: [("Cookie", "key=\(key)")])
    }

    // MARK: - The look

    private struct Leak: Error, CustomStringConvertible {
        let what: String
        let place: String
        var description: String { "\(what) is in \(place)" }
    }

    private func expectNothing(
        of secrets: [(what: String, text: String)], in directory: TemporaryDirectory, _ when: String
    ) throws {
        do { try search(for: secrets, in: directory) } catch let leak as Leak { Issue.record("\(when): \(leak)") }
    }

    /// Reads every file, and the log decompressed, as bytes.
    private func search(for secrets: [(what: String, text: String)], in directory: TemporaryDirectory) throws {
        var places = try directory.files()
        #expect(places.contains { $0.path.hasSuffix("vault.sqlite") })
        #expect(places.contains { $0.path.hasSuffix(".jsonl.lz4") })
        #expect(places.contains { $0.path.hasSuffix(".log") && !$0.content.isEmpty })
        let log = Data(try directory.lines().joined(separator: "\n").utf8)
        #expect(!log.isEmpty)
        places.append(("the decompressed log", log))
        for (path, content) in places {
            for (what, text) in secrets {
                // Also as it looks in base64, at each of the three places where it can begin.
                let forms = [Data(text.utf8)] + (0..<3).map { base64(text, behind: $0) }
                for form in forms where content.range(of: form) != nil {
                    throw Leak(what: what, place: path)
                }
            }
        }
    }

    /// The part of base64 text that only depends on `text`, when it stands behind `offset` other bytes.
    private func base64(_ text: String, behind offset: Int) -> Data {
        let encoded = Data([UInt8](repeating: 0, count: offset) + Array(text.utf8)).base64EncodedString()
        return Data(encoded.dropFirst(offset == 0 ? 0 : 4).dropLast(4).utf8)
    }
}
