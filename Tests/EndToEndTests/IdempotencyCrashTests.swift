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
