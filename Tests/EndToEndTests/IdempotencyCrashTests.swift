import CanonicalJSON
import Foundation
import LedgerFixtures
import ServerFixtures
import Testing

/// A server that dies between what a request did and its answer: the repeat gets the first result, and never a second one.
@Suite("Idempotency across a crash", .serialized, .timeLimit(.minutes(10)))
struct IdempotencyCrashTests {
    private static let kills = 12

    @Test(
        "killed when the sign-up is in the log, or just before or after: the repeat gets one customer and a key that works"
    )
    func signUp() async throws {
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 24)
        var server = try await ServerProcess.start(in: directory)
        var recalled = 0
        for number in 0..<Self.kills {
            let (key, email) = (UUID().uuidString, "you\(number)@company.com")
            let before = try directory.count("customer.created")
            let asked = server
            let first = Task { try? await Self.signUp(asked, key, email) }
            if number.isMultiple(of: 2) {
                // The moment at which the effect is on the disk. Whether the answer left the server too does not matter:
                // nothing that the next server knows depends on it.
                while try directory.count("customer.created") == before { await Task.yield() }
                recalled += 1
            } else {
                // Not a wait for something to happen: the moment of the failure is random on purpose.
                try await Task.sleep(for: .microseconds(Int.random(in: 0...6_000, using: &generator)))
            }
            await server.kill9()
            let answered = await first.value
            server = try await ServerProcess.start(in: directory)
            let again = try await Self.signUp(server, key, email)
            #expect(again.status == 201, "kill \(number): \(again)")
            if let answered, answered.status == 201 { #expect(again.body == answered.body, "kill \(number)") }
            #expect(try directory.count("customer.created") == before + 1, "kill \(number)")
            #expect(try await Self.signUp(server, key, email).body == again.body)
            #expect(try await Self.signUp(server, key, "other\(number)@company.com").status == 409)
            let apiKey = try #require(again["api_key"]?.string)
            #expect(try await server.send("GET", "/v1/customers/me", key: apiKey)["email"] == .string(email))
        }
        #expect(recalled == Self.kills / 2)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after \(Self.kills) kills")
    }

    @Test(
        "killed while a command runs, or after a session was made: neither happens again",
        .enabled(if: Isolation.isAvailable))
    func sessionAndExec() async throws {
        let directory = try TemporaryDirectory()
        var server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        func create(_ server: ServerProcess) async throws -> Answer {
            try await server.send(
                "POST", "/v1/sessions", key: key, headers: [("Idempotency-Key", "session")], bytes: Array("{}".utf8))
        }
        @Sendable func execute(_ server: ServerProcess, _ id: String) async throws -> Answer {
            try await server.send(
                "POST", "/v1/sessions/\(id)/exec", key: key, headers: [("Idempotency-Key", "exec")],
                bytes: Array(#"{"command":"sleep 300"}"#.utf8))
        }
        let created = try await create(server)
        let id = try #require(created["session_id"]?.string)
        let asked = server
        let running = Task { try? await execute(asked, id) }
        try await server.waitFor("executing", of: id, key: key)
        await server.kill9()
        _ = await running.value
        server = try await ServerProcess.start(in: directory)
        #expect(try await create(server).body == created.body)
        let again = try await execute(server, id)
        #expect(again.status == 409, "\(again)")
        #expect(again["message"]?.string?.contains("not run again") == true)
        #expect(try directory.count("session.created") == 1)
        #expect(try directory.count("session.executing") == 1)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("at the end")
    }

    @Test(
        "killed when a key was made, rotated or a member invited, before the answer: the repeat gets the one secret there is",
        arguments: [
            ("/v1/api-keys", #"{"name":"one"}"#, "key.issued", "api_key"),
            ("/v1/api-keys/:id/rotate", #"{"grace_period":60}"#, "key.rotated", "api_key"),
            ("/v1/invitations", #"{"email":"eve@company.com","role":"auditor"}"#, "invitation.created", "token"),
        ])
    func secrets(path: String, body: String, event: String, secret: String) async throws {
        let directory = try TemporaryDirectory()
        var server = try await ServerProcess.start(in: directory)
        let signedUp = try await server.send("POST", "/v1/signup", ["email": "you@company.com"])
        let (customer, key) = (try #require(signedUp["customer_id"]?.string), try #require(signedUp["api_key"]?.string))
        let plan = try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-server"),
            ["admin", "set-plan", customer, "business", "--data-dir", directory.path + "/data"])
        #expect(plan.status == 0, "\(plan.errors)")
        let made = try await server.send("POST", "/v1/api-keys", key: key, ["name": "other"])
        let target = path.replacing(":id", with: try #require(made["id"]?.string))
        for number in 0..<3 {
            let headers = [("Idempotency-Key", UUID().uuidString)]
            @Sendable func post(_ server: ServerProcess) async throws -> Answer {
                try await server.send("POST", target, key: key, headers: headers, bytes: Array(body.utf8))
            }
            let before = try directory.count(event)
            let asked = server
            let first = Task { try? await post(asked) }
            // The moment at which the effect is on the disk, whether or not the answer left the server too.
            while try directory.count(event) == before { await Task.yield() }
            await server.kill9()
            let answered = await first.value
            server = try await ServerProcess.start(in: directory)
            let again = try await post(server)
            #expect((200...201).contains(again.status), "kill \(number): \(again)")
            if let answered, answered.status == again.status { #expect(again.body == answered.body) }
            #expect(try await post(server).body == again.body)
            #expect(try directory.count(event) == before + 1)
            let text = try #require(again[secret]?.string)
            if secret == "api_key" {
                #expect(try await server.send("GET", "/v1/customers/me", key: text).status == 200)
            } else {
                let id = try #require(again["id"]?.string)
                #expect(try await server.send("DELETE", "/v1/invitations/\(id)", key: key).status == 200)
            }
        }
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("at the end")
    }

    @Test(
        "a client that left its streamed command gets the whole stream with a repeat, and the command ran once",
        .enabled(if: Isolation.isAvailable))
    func streamAfterTheClientLeft() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        let session = try await server.createSession(key)
        let body = #"{"command":"echo one; while ! [ -e go ]; do sleep 0.05; done; echo two; echo ran >> runs"}"#
        let script = """
            curl -sN "$0/v1/sessions/$1/exec" -H "Authorization: Bearer $2" -H 'Accept: text/event-stream' \
              -H 'Idempotency-Key: stream' -H 'Content-Type: application/json' -d "$3" > "$4" & pid=$!
            until grep -q one "$4"; do sleep 0.05; done; kill -9 $pid
            """
        let left = try BuiltPrograms.run(
            "/bin/bash", ["-c", script, server.url, session, key, body, directory.path + "/first"])
        #expect(left.status == 0, "\(left.errors)")
        let go = try await server.send("PUT", "/v1/sessions/\(session)/files/go", key: key, bytes: [])
        #expect((200...201).contains(go.status), "\(go)")
        var again: Answer?
        for _ in 0..<25 {
            again = try await server.send(
                "POST", "/v1/sessions/\(session)/exec", key: key,
                headers: [("Idempotency-Key", "stream"), ("Accept", "text/event-stream")], bytes: Array(body.utf8))
            if again?.status == 200 { break }
            try await Task.sleep(for: .milliseconds(400))
        }
        let stream = try #require(again)
        #expect(stream.status == 200, "\(stream)")
        #expect(stream.text.contains(#"{"text":"one\n"}"#) && stream.text.contains(#"{"text":"two\n"}"#), "\(stream)")
        #expect(stream.text.contains("event: result"))
        #expect(try await server.execute("cat runs", in: session, key: key)["stdout"] == "ran\n")
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("at the end")
    }

    private static func signUp(_ server: ServerProcess, _ key: String, _ email: String) async throws -> Answer {
        try await server.send(
            "POST", "/v1/signup", headers: [("Idempotency-Key", key)], bytes: Array(#"{"email":"\#(email)"}"#.utf8))
    }
}

extension TemporaryDirectory {
    /// How many events of a type the log holds; what is being written at this very moment does not count yet.
    fileprivate func count(_ type: String) throws -> Int {
        let shell = try BuiltPrograms.run(
            "/bin/bash", ["-c", "cat '\(log)'/*.jsonl.lz4 | lz4 -dc 2>/dev/null | grep -c '\"type\":\"\(type)\"'"])
        return Int(shell.text.split(separator: "\n").first ?? "") ?? 0
    }
}
