import CanonicalJSON
import EventStore
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import Proofs
import ServerFixtures
import Synchronization
import Testing

@testable import API

/// Reputation from measurements: agents of this test's own are asked, over real connections.
@Suite("Agents are probed", .serialized, .timeLimit(.minutes(10)))
struct AgentProbeTests {
    /// A server with an agent behind each path, which counts what it is asked.
    private final class Agents: Sendable {
        private let asked = Mutex<[String: Int]>([:])
        private let broken = Atomic(false)

        func hits(_ path: String) -> Int { asked.withLock { $0[path] ?? 0 } }
        var allHits: Int { asked.withLock { $0.values.reduce(0, +) } }
        func fail() { broken.store(true, ordering: .releasing) }

        func serve<Value: Sendable>(_ body: @Sendable (String) async throws -> Value) async throws -> Value {
            let router = Router()
            router.get("**") { [self] request, _ in
                let path = request.uri.path
                asked.withLock { $0[path, default: 0] += 1 }
                return answer(path, host: request.head.authority ?? "")
            }
            return try await LocalServer.serve(router, body)
        }

        private func answer(_ path: String, host: String) -> Response {
            switch path {
            case "/missing": Response(status: .notFound)
            case "/broken": Response(status: .internalServerError)
            case "/moved": Response(status: .found, headers: [.location: "http://\(host)/trap"])
            case "/endless":
                // A body that never ends must not hold anything up, nor fill any memory.
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        while !Task.isCancelled {
                            try await writer.write(ByteBuffer(repeating: 65, count: 1 << 16))
                        }
                    })
            default: Response(status: broken.load(ordering: .acquiring) ? .serviceUnavailable : .ok)
            }
        }
    }

    private func register(_ server: TestServer, _ name: String, _ url: String, key: String) async throws {
        let answer = try await server.send(
            .post, "/register", key: key, ["agent_id": .string(name), "agent_url": .string(url)])
        #expect(answer.status == 200, "\(answer)")
    }

    private func reputation(_ server: TestServer, _ name: String) async throws -> JSONValue {
        let answer = try await server.send(.get, "/reputation?agent_id=\(name)")
        #expect(answer.status == 200, "\(answer)")
        return answer.json
    }

    private func probeEvents(_ server: TestServer, key: String) async throws -> Int {
        let feed = try await server.send(.get, "/v1/events?limit=100", key: key)
        return feed["data"]?.array?.count { $0["type"] == "agent.probed" } ?? 0
    }

    private static func probing(_ configuration: inout ServerConfiguration) {
        configuration.probeAgentsSeconds = 3_600
        configuration.probesPrivateAddresses = true
    }

    @Test(
        "what agents answer becomes their reputation: the share that answered, that succeeded, and how fast; nothing is made up"
    )
    func measured() async throws {
        let agents = Agents()
        try await TestServer.with(configure: Self.probing) { server in
            let prober = try #require(server.server.prober)
            let key = try await server.signUp()
            try await agents.serve { url in
                for path in ["ok", "missing", "broken", "moved", "endless"] {
                    try await register(server, path, "\(url)/\(path)", key: key)
                }
                // Nothing listens there; and an agent that its owner calls inactive is left alone.
                try await register(server, "closed", "http://127.0.0.1:1/", key: key)
                try await register(server, "asleep", "\(url)/asleep", key: key)
                _ = try await server.send(.put, "/agents/asleep/status", key: key, ["alive": false])
                #expect(try await server.send(.get, "/health")["agent_probes"]?["last_probe_at"] == .null)
                await prober.round()
            }
            for (name, score, availability, success, status) in [
                ("ok", 1.0, 1.0, 1.0, 200), ("endless", 1, 1, 1, 200), ("missing", 0.5, 1, 0, 404),
                ("moved", 0.5, 1, 0, 302), ("broken", 0, 0, 0, 500),
            ] as [(String, Double, Double, Double, Int64)] {
                let body = try await reputation(server, name)
                #expect(body["reputation"] == .double(score), "\(name): \(body)")
                #expect(body["availability"] == .double(availability), "\(name)")
                #expect(body["probe_success"] == .double(success), "\(name)")
                #expect(body["measurements"] == 1, "\(name)")
                #expect(body["last_probe"]?["status"] == .integer(status), "\(name)")
                #expect(body["last_probe"]?["recorded_at"] == "2026-03-01T14:00:00Z", "\(name)")
                #expect((body["latency_ms"] == .null) == (availability == 0), "\(name)")
                #expect(body["certification"] == .null && body["fraud_rate"] == .null, "not measured, so no number")
            }
            let closed = try await reputation(server, "closed")
            #expect(closed["reputation"] == .double(0) && closed["last_probe"]?["reachable"] == false, "\(closed)")
            let asleep = try await reputation(server, "asleep")
            #expect(asleep["reputation"] == .null && asleep["measurements"] == 0)
            #expect(asleep["reason"]?.string?.contains("alive") == true)
            #expect(agents.hits("/trap") == 0, "a redirect leads nowhere")
            #expect(agents.hits("/asleep") == 0 && agents.hits("/ok") == 1)
            let health = try await server.send(.get, "/health")["agent_probes"]
            #expect(
                health == [
                    "interval_seconds": 3_600, "last_probe_at": "2026-03-01T14:00:00Z", "agents": 6, "reachable": 4,
                ])
            let list = try await server.send(.get, "/reputation?limit=2")
            #expect(list.json.array?.compactMap { $0["agent_id"]?.string } == ["asleep", "broken"])
            #expect(list.headers["link"]?.contains("/reputation?limit=2&starting_after=broken") == true)
        }
    }

    @Test(
        "the log gets an event when an agent comes or goes, one an hour at most, one a day otherwise, and the rest at a stop"
    )
    func events() async throws {
        let agents = Agents()
        try await TestServer.with(configure: Self.probing) { server in
            let prober = try #require(server.server.prober)
            let key = try await server.signUp()
            try await agents.serve { url in
                try await register(server, "a", "\(url)/ok", key: key)
                for _ in 0..<5 { await prober.round() }
                #expect(agents.hits("/ok") == 5)
                #expect(try await probeEvents(server, key: key) == 1)
                #expect(try await reputation(server, "a")["measurements"] == 1)
                agents.fail()
                await prober.round()
                #expect(try await probeEvents(server, key: key) == 1, "less than an hour after the last")
                server.clock.advance(seconds: 3_600)
                await prober.round()
                #expect(try await probeEvents(server, key: key) == 2)
                let down = try await reputation(server, "a")
                #expect(down["measurements"] == 7 && down["last_probe"]?["reachable"] == false)
                #expect(down["availability"] == .double(0.7143), "five of seven: \(down)")
                server.clock.advance(seconds: 86_399)
                await prober.round()
                #expect(try await probeEvents(server, key: key) == 2, "nothing changed for less than a day")
                server.clock.advance(seconds: 1)
                await prober.round()
                #expect(try await probeEvents(server, key: key) == 3)
                await prober.round()
                await prober.finish()
                #expect(try await probeEvents(server, key: key) == 3, "a stop, too, is bound to one an hour")
                server.clock.advance(seconds: 3_600)
                await prober.finish()
                #expect(try await probeEvents(server, key: key) == 4)
                #expect(try await reputation(server, "a")["measurements"] == 10)
            }
        }
    }

    @Test(
        "nothing is asked at an address of this machine or its network, however it is written, and it counts for nothing"
    )
    func noPrivateAddresses() async throws {
        let agents = Agents()
        try await TestServer.with(configure: { $0.probeAgentsSeconds = 3_600 }) { server in
            let prober = try #require(server.server.prober)
            let key = try await server.signUp()
            try await agents.serve { url in
                let port = try #require(url.split(separator: ":").last)
                let hosts = [
                    "127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]",
                    "[::ffff:127.0.0.1]", "[::]", "%6cocalhost",
                ]
                for (index, host) in hosts.enumerated() {
                    let answer = try await server.send(
                        .post, "/register", key: key,
                        ["agent_id": .string("a\(index)"), "agent_url": .string("http://\(host):\(port)/ok")])
                    #expect(answer.status == 200 || answer.status == 400, "\(host): \(answer)")
                }
                await prober.round()
            }
            #expect(agents.allHits == 0)
            #expect(try await probeEvents(server, key: key) == 0)
            let body = try await reputation(server, "a0")
            #expect(body["reputation"] == .null && body["reason"]?.string?.contains("public") == true)
            #expect(prober.status == AgentProber.Status())
        }
    }

    @Test("the address that was checked is the one that is asked, whatever the name says by then")
    func noRebinding() async throws {
        let agents = Agents()
        try await agents.serve { url in
            let port = try #require(url.split(separator: ":").last)
            let loopback = try #require(InternetAddress("127.0.0.1"))
            // No resolver of this machine knows the name: whoever looks it up again does not find the server.
            let client = ProbeClient(lookUpsAtOnce: 1) { (_) throws(ProbeTarget.Problem) in
                ProbeTarget(host: "agent.invalid", address: loopback)
            }
            guard case .answered(200, let latency) = await client.probe("http://agent.invalid:\(port)/ok") else {
                Issue.record("the checked address was not asked")
                return
            }
            #expect(latency > 0)
            #expect(agents.hits("/ok") == 1)
        }
    }

    @Test("a name that nobody has is an agent that is away; a name that could not be looked up says nothing of it")
    func unresolved() async {
        let nobody = ProbeClient(lookUpsAtOnce: 1) { (_) throws(ProbeTarget.Problem) in throw .unknownHost }
        #expect(await nobody.probe("http://agent.invalid/") == .silent)
        let failing = ProbeClient(lookUpsAtOnce: 1) { (_) throws(ProbeTarget.Problem) in throw .uncounted("away") }
        #expect(await failing.probe("http://agent.invalid/") == .uncounted(reason: "away"))
    }

    @Test(
        "addresses that are not of the public internet are known as such",
        arguments: [
            "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
            "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
            "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "::10.0.0.1",
            "64:ff9b::7f00:1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd12::1",
            "fe80::1", "ff02::1",
        ])
    func specialAddresses(text: String) throws {
        #expect(!PublicAddresses.contain(try #require(InternetAddress(text))))
    }

    @Test(
        "and those that are, as such",
        arguments: [
            "1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "192.167.255.255", "2606:4700::1111", "2a00::1",
        ])
    func publicAddresses(text: String) throws {
        #expect(PublicAddresses.contain(try #require(InternetAddress(text))))
    }

    @Test("what was taken out for a log that did not take it is added up again with what came after")
    func tallies() throws {
        let time = try #require(Timestamp("2026-03-01T14:00:00Z"))
        var first = ProbeTally(since: time)
        first.add(.answered(status: 200, latencyMicroseconds: 30))
        first.add(.silent)
        first.add(.uncounted(reason: "x"))
        var second = ProbeTally(since: time.adding(seconds: 60))
        second.add(.answered(status: 404, latencyMicroseconds: 50))
        #expect(
            first.followed(by: second).event
                == AgentProbed(
                    answered: 2, latencyMicroseconds: 80, probes: 3, isReachable: true, since: time, status: 404,
                    succeeded: 1))
    }

    @Test("the option is checked: 60 seconds to a day, and private addresses only together with it")
    func options() {
        for seconds in [0, 59, 86_401, -60] {
            var configuration = ServerConfiguration()
            configuration.probeAgentsSeconds = seconds
            #expect(throws: ServerError.self, "\(seconds)") { try configuration.validate() }
        }
        for seconds in [60, 86_400] {
            var configuration = ServerConfiguration()
            configuration.probeAgentsSeconds = seconds
            #expect(throws: Never.self) { try configuration.validate() }
        }
        var configuration = ServerConfiguration()
        configuration.probesPrivateAddresses = true
        #expect(throws: ServerError.self) { try configuration.validate() }
    }
}
