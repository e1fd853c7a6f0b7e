import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

@Suite("Probing agents", .serialized, .timeLimit(.minutes(10)))
struct ProbingTests {
    @Test(
        "--probe-agents: a server begins to ask as soon as it runs, shows what it found, and the log with it audits clean"
    )
    func wholeServer() async throws {
        let directory = try TemporaryDirectory()
        let first = try await ServerProcess.start(in: directory)
        let key = try await first.signUp()
        // The first server's own address, where nobody answers once it has stopped; and one that may not be asked.
        for (name, url) in [("gone", first.url), ("private", "http://10.0.0.1/")] {
            let answer = try await first.send(
                "POST", "/register", key: key, ["agent_id": .string(name), "agent_url": .string(url)])
            #expect(answer.status == 200, "\(answer)")
        }
        #expect(try await first.send("GET", "/health")["agent_probes"] == nil)
        #expect(await first.stop() == 0)

        // By default neither address may be asked.
        let careful = try await ServerProcess.start(in: directory, ["--probe-agents", "60"])
        #expect(try await careful.send("GET", "/health")["agent_probes"]?["interval_seconds"] == 60)
        #expect(await careful.stop() == 0)

        let server = try await ServerProcess.start(
            in: directory, ["--probe-agents", "60", "--probe-private-addresses"])
        var gone: JSONValue = .null
        for _ in 0..<1_200 {
            gone = try await server.send("GET", "/reputation?agent_id=gone").json
            if gone["measurements"] == 1 { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(gone["measurements"] == 1, "the careful server has measured nothing: \(gone)")
        #expect(gone["last_probe"]?["reachable"] == false)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after probing")
    }
}
