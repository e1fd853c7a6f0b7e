import CanonicalJSON
import EventStore
import HTTPTypes
import HummingbirdTesting
import Ledger
import Merkle
import ServerFixtures
import Testing

@testable import API

/// Lines of the API reference that the other suites of this folder leave out.
@Suite("The API reference: the rest", .serialized, .timeLimit(.minutes(10)))
struct RemainingPageTests {
    @Test("\"The API key … cannot be retrieved later. Nanorix stores only a SHA-256 hash.\"")
    func onlyTheHash() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let text = try await server.server.log.read(from: 0)
                .map { String(decoding: $0.event.line(at: $0.sequence), as: UTF8.self) }.joined()
            #expect(text.contains(Hash(of: Array(key.utf8)).hex))
            #expect(!text.contains(key) && !text.contains(key.dropFirst(20)))
            let list = try await server.send(.get, "/v1/api-keys", key: key)
            #expect(list.status == 200 && !list.text.contains(key))
        }
    }

    @Test("\"POST /v1/verify … Rate limited to 60 requests/min per IP\": the 61st is a 429")
    func verifyLimit() async throws {
        let proof = try Fixtures.vector("cdp-1.0.json")
        try await TestServer.with(limited: true, .live) { server in
            for _ in 0..<60 { #expect(try await server.send(.post, "/v1/verify", bytes: proof).status == 200) }
            let refused = try await server.send(.post, "/v1/verify", bytes: proof)
            #expect(refused.status == 429 && refused["error"] == "RateLimited")
            #expect(refused.headers["retry-after"] != nil)
        }
    }

    @Test(
        "\"Session statuses: active, executing, destroyed, expired, expired_unclean\": each as it comes about",
        .enabled(if: Isolation.isAvailable))
    func statuses() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let (one, two) = (try await server.createSession(key), try await server.createSession(key))
            #expect(try await server.status(of: one, key: key) == "active")
            async let running = server.execute("while ! [ -e go ]; do sleep 0.01; done", in: one, key: key)
            #expect(try await server.waitFor([.executing], of: one) == .executing)
            #expect(try await server.status(of: one, key: key) == "executing")
            _ = try await server.send(.put, "/v1/sessions/\(one)/files/go", key: key, bytes: [])
            #expect(try await running["exit_code"] == 0)
            #expect(try await server.send(.delete, "/v1/sessions/\(one)", key: key)["status"] == "destroyed")
            #expect(try await server.status(of: one, key: key) == "destroyed")
            server.clock.advance(seconds: 300)
            await server.server.sessions.endDue()
            #expect(try await server.status(of: two, key: key) == "expired")
            let lost = try await server.recordEndedSession(of: key)
            #expect(try await server.status(of: lost, key: key) == "expired_unclean")
        }
    }

    @Test(
        "\"GET /v1/proofs/:session_id … Errors: 401 unauthorized, 404 session not found or not yet destroyed\"",
        .enabled(if: Isolation.isAvailable))
    func proofErrors() async throws {
        try await TestServer.with(isolating: true) { server in
            let (key, stranger) = (try await server.signUp(), try await server.signUp("other@company.com"))
            let session = try await server.createSession(key)
            let path = "/v1/proofs/\(session)"
            #expect(try await server.send(.get, path).status == 401)
            #expect(try await server.send(.get, path, key: key).status == 404, "not yet destroyed")
            let absent = try await server.send(.get, "/v1/proofs/sess_00000000000000000000000000000000", key: key)
            #expect(absent.status == 404 && absent["error"] == "NotFound")
            #expect(try await server.send(.delete, "/v1/sessions/\(session)", key: key).status == 200)
            #expect(try await server.send(.get, path, key: key).status == 200)
            // "Must own the session."
            for route in [path, "/v1/sessions/\(session)"] {
                #expect(try await server.send(.get, route, key: stranger).status == 404)
            }
        }
    }
}
