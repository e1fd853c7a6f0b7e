import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Merkle
import NIOCore
import Projections
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("Test mode", .serialized, .timeLimit(.minutes(10)))
struct TestModeTests {
    @Test("a live key makes a test key, which then is on its own: neither sees nor touches the other's keys")
    func keys() async throws {
        try await TestServer.with { server in
            let live = try await server.signUp()
            let made = try await server.send(
                .post, "/v1/api-keys", key: live, ["name": "test", "environment": "test"])
            #expect(made.status == 201 && made["environment"] == "test")
            let test = try #require(made["api_key"]?.string)
            let testID = try #require(made["id"]?.string)
            #expect(test.hasPrefix("nrx_test_"))
            let liveID = try #require(try await server.principal(live).keyID).text
            for (key, own, other) in [(live, liveID, testID), (test, testID, liveID)] {
                let list = try await server.send(.get, "/v1/api-keys", key: key)
                #expect(list["data"]?.array?.compactMap { $0["id"]?.string } == [own])
                for (method, path) in [
                    (HTTPRequest.Method.get, ""), (.patch, ""), (.delete, ""), (.post, "/rotate"),
                ] {
                    let answer = try await server.send(
                        method, "/v1/api-keys/\(other)" + path, key: key,
                        bytes: method == .get ? nil : Array(#"{"name":"x"}"#.utf8))
                    #expect(answer.status == 404, "\(method) \(path): \(answer)")
                }
                let page = try await server.send(.get, "/v1/api-keys?starting_after=\(other)", key: key)
                #expect(page.status == 400)
            }
            let another = try await server.send(.post, "/v1/api-keys", key: test, ["name": "another"])
            #expect(another.status == 201 && another["environment"] == "test")
            let live2 = try await server.send(.post, "/v1/api-keys", key: test, ["name": "l", "environment": "live"])
            #expect(live2.status == 403 && live2["field"] == "environment")
        }
    }

    @Test("sessions of test keys are marked, are not there for live keys, and count in no number of live ones")
    func sessions() async throws {
        try await TestServer.with { server in
            let live = try await server.signUp()
            let test = try await server.issueTestKey(of: live)
            let (real, tried) = (
                try await server.recordLiveSession(of: live), try await server.recordLiveSession(of: test)
            )
            for (key, own, other, mark) in [(live, real, tried, nil), (test, tried, real, "test")] {
                let session = try await server.send(.get, "/v1/sessions/\(own)", key: key)
                #expect(session.status == 200 && session["environment"]?.string == mark)
                for (method, path) in [
                    (HTTPRequest.Method.get, "/v1/sessions/\(other)"), (.delete, "/v1/sessions/\(other)"),
                    (.get, "/v1/proofs/\(other)"),
                ] { #expect(try await server.send(method, path, key: key).status == 404) }
                let exec = try await server.send(.post, "/v1/sessions/\(other)/exec", key: key, ["command": "true"])
                #expect(exec.status == 404)
                let account = try await server.send(.get, "/v1/customers/me", key: key)
                #expect(account["sessions_used"] == 1)
                #expect(account["environment"]?.string == mark)
            }
        }
    }

    @Test("test sessions neither use up nor are held by the month's proofs, and are counted apart from live ones")
    func quotas() async throws {
        try await TestServer.with { server in
            let live = try await server.signUp()
            let test = try await server.issueTestKey(of: live)
            // The Free plan's 100 proofs a month and 3 sessions at once.
            for _ in 0..<120 { _ = try await server.recordEndedSession(of: test) }
            for _ in 0..<3 {
                _ = try await server.recordLiveSession(of: test)
                _ = try await server.recordLiveSession(of: live)
            }
            for key in [live, test] {
                await #expect(throws: APIError.self) { try await server.recordLiveSession(of: key) }
            }
            let customer = try await server.principal(live).customerID
            let cycle = BillingCycle(holding: server.clock.now)
            let counts = server.server.ledger.read { state in
                (state.customer(customer)?.proofs(in: cycle), state.customer(customer)?.requests(in: cycle))
            }
            #expect(counts.0 == 0 && counts.1 == 100, "requests with the live key, of which one block is reserved")
            let usage = try server.server.store.cycleUsage(of: customer, in: .live, from: "2026-03", through: "2026-03")
            #expect(usage.first?.sessions == 3)
        }
    }

    @Test(
        "a proof of a test session says so inside what is signed, and still verifies",
        .enabled(if: Isolation.isAvailable))
    func proof() async throws {
        try await TestServer.with(isolating: true) { server in
            let live = try await server.signUp()
            let test = try await server.issueTestKey(of: live)
            for (key, environment) in [(test, "test"), (live, "live")] {
                let session = try await server.createSession(key)
                let ended = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
                #expect(ended["cdp"]?["session_context"]?["environment"]?.string == environment, "\(ended)")
                let proof = try await server.send(.get, "/v1/proofs/\(session)", key: key)
                #expect(try await server.send(.post, "/v1/verify", bytes: proof.body)["valid"] == true)
                // Nobody can pass it off as the other kind.
                let other = environment == "test" ? "live" : "test"
                let forged = proof.text.replacing(
                    #""environment":"\#(environment)""#, with: #""environment":"\#(other)""#)
                #expect(forged != proof.text)
                #expect(try await server.send(.post, "/v1/verify", bytes: Array(forged.utf8))["valid"] == false)
            }
            let customer = try await server.principal(live).customerID
            let cycle = BillingCycle(holding: server.clock.now)
            #expect(server.server.ledger.read { $0.customer(customer)?.proofs(in: cycle) } == 1)
        }
    }
}
