import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

@Suite("Stop and restart", .serialized, .timeLimit(.minutes(10)))
struct StopAndRestartTests {
    @Test(
        "SIGTERM with live sessions and a running command: proofs with trigger shutdown, exit 0, no filler, a clean audit",
        .enabled(if: Isolation.isAvailable))
    func cleanStop() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--shutdown-seconds", "1"])
        let key = try await server.signUp()
        let (idle, busy) = (try await server.createSession(key), try await server.createSession(key))
        _ = try await server.execute("head -c 50000 /dev/urandom > secret", in: idle, key: key)
        let running = Task { try await server.execute("sleep 300", in: busy, key: key) }
        try await server.waitFor("executing", of: busy, key: key)
        let processes = try server.descendants()
        #expect(await server.stop() == 0)
        #expect(try await running.value.status == 409, "whoever waited for the command is told")
        #expect(processes.filter { kill($0, 0) == 0 } == [], "processes are left")
        let printed = try server.printed()
        #expect(!printed.contains(" critical ") && !printed.contains(" error "), "\(printed)")

        try directory.expectCleanAudit("after the stop")
        let segments = try directory.files().filter { $0.path.hasSuffix(".jsonl.lz4") }
        #expect(segments.count == 1)
        #expect(
            segments.allSatisfy { $0.content.range(of: Data([0x5F, 0x2A, 0x4D, 0x18])) == nil }, "a filler is left")
        let checkpoint = try String(contentsOfFile: directory.log + "/checkpoint", encoding: .utf8)
        let count = try directory.lines().count
        #expect(checkpoint.split(separator: "\n")[1] == "\(count)", "not everything is signed")

        let next = try await ServerProcess.start(in: directory)
        for session in [idle, busy] {
            let proof = try await next.send("GET", "/v1/proofs/\(session)", key: key)
            #expect(proof["evidence"]?.array?.last?["document"]?["trigger"] == "shutdown", "\(proof)")
            #expect(try await next.send("POST", "/v1/verify", bytes: proof.body)["valid"] == true)
        }
        #expect(await next.stop() == 0)
    }

    @Test("a command that ends in time at a stop still gets its own answer", .enabled(if: Isolation.isAvailable))
    func patience() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--shutdown-seconds", "3600"])
        let key = try await server.signUp()
        let session = try await server.createSession(key)
        let running = Task { try await server.execute("sleep 1; echo done", in: session, key: key) }
        try await server.waitFor("executing", of: session, key: key)
        // It waits for the command: were it to wait for the whole hour, the suite's time limit would end this.
        #expect(await server.stop() == 0)
        #expect(try await running.value["stdout"] == "done\n")
    }

    @Test("a connection that is kept open and idle does not hold up a stop")
    func idleConnections() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--shutdown-seconds", "3600"])
        // The client keeps its connection for the next request.
        _ = try await server.send("GET", "/v1/health")
        #expect(await server.stop() == 0)
    }

    @Test(
        "after a restart everything reads as before, also from projections that were deleted",
        .enabled(if: Isolation.isAvailable))
    func restart() async throws {
        let directory = try TemporaryDirectory()
        var server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        let other = try await server.send(
            "POST", "/v1/api-keys", key: key, ["name": "other", "permissions": ["proofs:read"]])
        let otherID = try #require(other["id"]?.string)
        let session = try await server.createSession(key, ["data_classification": "financial"])
        _ = try await server.execute("echo data > file", in: session, key: key)
        let ended = try await server.send("DELETE", "/v1/sessions/\(session)", key: key)
        let keyID = try #require(ended["cdp"]?["attestation"]?["key_id"]?.string)
        _ = try await server.send("DELETE", "/v1/api-keys/\(otherID)", key: key)
        let paths = [
            "/v1/customers/me", "/v1/sessions/\(session)", "/v1/proofs/\(session)", "/v1/keys/\(keyID)",
            "/v1/api-keys/\(otherID)", "/v1/api-keys",
        ]
        let before = try await read(paths, from: server, key: key)
        #expect(before.allSatisfy { $0.status == 200 })
        #expect(await server.stop() == 0)

        server = try await ServerProcess.start(in: directory)
        try expectSame(try await read(paths, from: server, key: key), before, paths)
        #expect(await server.stop() == 0)

        for file in try directory.files() where file.path.contains("/projections.sqlite") {
            try FileManager.default.removeItem(atPath: file.path)
        }
        server = try await ServerProcess.start(in: directory)
        try expectSame(try await read(paths, from: server, key: key), before, paths)
        let again = try await server.send("DELETE", "/v1/sessions/\(session)", key: key)
        #expect(again.body == ended.body)
        #expect(try await server.send("POST", "/v1/signup", ["email": "You@Company.com"]).status == 409)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("at the end")
    }

    private func read(_ paths: [String], from server: ServerProcess, key: String) async throws -> [Answer] {
        var answers: [Answer] = []
        for path in paths { answers.append(try await server.send("GET", path, key: key)) }
        return answers
    }

    /// Equal but for when and how often a key was used, which a read itself changes.
    private func expectSame(_ answers: [Answer], _ before: [Answer], _ paths: [String]) throws {
        for (path, (now, then)) in zip(paths, zip(answers, before)) {
            let pattern = /"(last_used_at|requests_this_month)":("[^"]*"|null|[0-9]+)/
            #expect(now.status == then.status)
            #expect(now.text.replacing(pattern, with: "") == then.text.replacing(pattern, with: ""), "\(path)")
        }
    }
}
