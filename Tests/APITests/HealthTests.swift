import CanonicalJSON
import Foundation
import HTTPTypes
import Sandbox
import ServerFixtures
import Testing
import Vault

@testable import API

@Suite("Health", .serialized, .timeLimit(.minutes(10)))
struct HealthTests {
    @Test("what keeps all layers from being tested is one line of doctor's report, and one layer's lack is its own")
    func report() {
        let broken = Layer.allCases.map { LayerStatus(layer: $0, works: false, detail: "nrx-init is of another build") }
        #expect(MachineReport(broken).text == "MISSING  sandbox: nrx-init is of another build")
        var one = Layer.allCases.map { LayerStatus(layer: $0, works: true, detail: "seen") }
        one[3] = LayerStatus(
            layer: one[3].layer, works: false, detail: "gone", setting: "a.b = 0", command: "sysctl -w")
        let lines = MachineReport(one).text.split(separator: "\n")
        #expect(lines.count == 8)
        #expect(lines[3] == "MISSING  network_namespace: gone")
        #expect(!MachineReport(one).isComplete)
    }

    @Test("a machine that cannot isolate is degraded: eee is off, the layers say so, sessions get 503, accounts go on")
    func cannotIsolate() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/v1/health")
            #expect(answer.status == 503)
            #expect(answer["status"] == "degraded")
            #expect(answer["engines"] == ["eee": false, "dire": true, "rzl": true, "fgx": true, "ave": true])
            #expect(answer["database"] == true)
            #expect(answer["layers"]?.array?.count == 6)
            #expect(answer["layers"]?.array?.allSatisfy { $0["available"] == false } == true)
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                let refused = try await server.send(.post, "/v1/sessions", key: key, [:])
                #expect(refused.status == 503)
                #expect(refused["message"]?.string?.contains("nrx-server doctor") == true)
            }
        }
    }

    @Test("a disk that fails: the sign-up is not acknowledged, the log is poisoned, rzl is off, reads go on")
    func poisonedLog() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            server.disk.breakNow()
            let lost = try await server.send(.post, "/v1/signup", ["email": "lost@company.com"])
            #expect(lost.status == 503, "\(lost)")
            #expect(lost["error"] == "Unavailable")
            #expect(lost.headers["retry-after"] != nil)
            let health = try await server.send(.get, "/v1/health")
            #expect(health.status == 503)
            #expect(health["engines"]?["rzl"] == false)
            #expect(try await server.send(.post, "/v1/signup", ["email": "other@company.com"]).status == 503)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["email"] == "you@company.com")
        }
    }

    @Test("after a failed sync the data key of a sign-up is kept: its event may be on the disk all the same")
    func dataKeyOutlivesAFailedSync() async throws {
        try await TestServer.with { server in
            _ = try await server.signUp()
            server.disk.breakNow()
            #expect(try await server.send(.post, "/v1/signup", ["email": "lost@company.com"]).status == 503)
            let holder = try await server.server.vault.customerID(forEmail: "lost@company.com")
            #expect(holder != nil, "the reservation stands until the next start has read the log")
            // What never reached the log leaves nothing behind.
            #expect(try await server.send(.post, "/v1/signup", ["email": "never@company.com"]).status == 503)
            #expect(try await server.server.vault.customerID(forEmail: "never@company.com") == nil)
        }
    }

    @Test("a crowd that asks for health shares one probe for five seconds", .enabled(if: Isolation.isAvailable))
    func crowd() async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let host = try SandboxHost(
            configuration: SandboxConfiguration(
                stateDirectory: directory.path, initPath: try BuiltPrograms.path("nrx-init")), logger: TestServer.quiet)
        let status = SandboxStatus(host: host, failure: nil, now: { clock.now })
        let first = status.probe(host)
        clock.advance(seconds: SandboxStatus.secondsKept - 1)
        #expect(status.probe(host) == first)
        clock.advance(seconds: 1)
        let second = status.probe(host)
        #expect(second != first)
        // A clock that was set back must not keep an answer for ever.
        clock.advance(seconds: -3_600)
        #expect(status.probe(host) != second)
        #expect(await status.layers().allSatisfy { $0.works })
        await host.shutdown()
    }
}
