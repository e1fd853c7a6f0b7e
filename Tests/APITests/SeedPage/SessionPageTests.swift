import CanonicalJSON
import Foundation
import HTTPTypes
import Merkle
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The part of the API reference that needs sessions, line by line.
@Suite("The API reference: sessions", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct SessionPageTests {
    @Test("\"POST /v1/sessions … Response (201)\" and \"GET /v1/sessions/:id … Response (200)\": member by member")
    func createAndShow() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let created = try await server.send(.post, "/v1/sessions", key: key, ["data_classification": "PHI"])
            #expect(created.status == 201)
            let id = try #require(created["session_id"]?.string)
            #expect(id.wholeMatch(of: /sess_[0-9a-f]{32}/) != nil)
            let expected: JSONValue = [
                "session_id": .string(id), "status": "active", "ttl_seconds": 300, "created_at": "2026-03-01T14:00:00Z",
            ]
            #expect(created.json == expected)
            let shown = try await server.send(.get, "/v1/sessions/\(id)", key: key)
            #expect(shown.status == 200)
            let expectedShown: JSONValue = [
                "session_id": .string(id), "status": "active", "ttl_seconds": 300, "created_at": "2026-03-01T14:00:00Z",
                "data_classification": "PHI",
            ]
            #expect(shown.json == expectedShown)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["sessions_used"] == 1)
        }
    }

    @Test("\"data_classification: general (default), PHI, PII, financial, credentials\"; no body at all is the default")
    func classifications() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            for name in ["general", "PHI", "PII", "financial", "credentials"] {
                let id = try await server.createSession(key, ["data_classification": .string(name)])
                let shown = try await server.send(.get, "/v1/sessions/\(id)", key: key)
                #expect(shown["data_classification"] == .string(name))
                let ended = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
                #expect(ended["session_context"]?["data_classification"] == .string(name))
            }
            let bare = try await server.send(.post, "/v1/sessions", key: key)
            let id = try #require(bare["session_id"]?.string)
            #expect(try await server.send(.get, "/v1/sessions/\(id)", key: key)["data_classification"] == "general")
        }
    }

    @Test("\"input_data: Data written to {tmpfs}/input/data before execution\"; the answer says how the command went")
    func execute() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            let answer = try await server.send(
                .post, "/v1/sessions/\(id)/exec", key: key,
                ["command": "cat input/data; echo oops >&2; exit 3", "input_data": "Jane Roe, J45.901 äöü\n"])
            #expect(answer.status == 200, "\(answer)")
            #expect(answer["stdout"] == "Jane Roe, J45.901 äöü\n")
            #expect(answer["stderr"] == "oops\n")
            #expect(answer["exit_code"] == 3)
            #expect(answer["timed_out"] == false)
            #expect(answer["truncated"] == false)
            #expect(answer["signal"] == .null)
            let salt = try #require(answer["receipt"]?["salt"]?.string.flatMap { Data(base64Encoded: $0) })
            #expect(salt.count == 32)
            let text =
                Array(salt) + Array("cat input/data; echo oops >&2; exit 3".utf8) + [0]
                + Array("Jane Roe, J45.901 äöü\n".utf8)
            #expect(answer["receipt"]?["sha256"] == .string(Hash(of: text).hex))
            // What one command leaves in the workspace, the next one finds: the session lives across them.
            _ = try await server.execute("echo kept > file", in: id, key: key)
            #expect(try await server.execute("cat file", in: id, key: key)["stdout"] == "kept\n")
        }
    }

    @Test("\"timeout: Seconds before SIGTERM\": the command is ended and the answer says so; the session goes on")
    func timeout() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            let answer = try await server.send(
                .post, "/v1/sessions/\(id)/exec", key: key,
                ["command": "trap 'echo tidy; exit 7' TERM; sleep 60 & wait", "timeout": 1])
            #expect(answer.status == 200, "\(answer)")
            #expect(answer["timed_out"] == true)
            #expect(answer["stdout"] == "tidy\n")
            #expect(answer["exit_code"] == 7)
            #expect(try await server.execute("echo on", in: id, key: key)["stdout"] == "on\n")
        }
    }

    @Test("an argv array runs without a shell, with the directory and variables that were asked for")
    func argv() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            let answer = try await server.send(
                .post, "/v1/sessions/\(id)/exec", key: key,
                [
                    "command": ["/usr/bin/env", "sh", "-c", "pwd; echo \"$GREETING $0\"", "$HOME"], "cwd": "/tmp",
                    "env": ["GREETING": "hello"],
                ])
            #expect(answer["stdout"] == "/tmp\nhello $HOME\n", "\(answer)")
        }
    }

    @Test(
        "\"DELETE /v1/sessions/:id\", \"GET /v1/proofs/:session_id\", \"POST /v1/verify\", \"GET /v1/keys/:id\": one proof"
    )
    func destroyAndProve() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key, ["data_classification": "PHI"])
            #expect(try await server.send(.get, "/v1/proofs/\(id)", key: key).status == 404)
            _ = try await server.execute("head -c 100000 /dev/urandom > secret", in: id, key: key)
            let ended = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
            #expect(ended.status == 200, "\(ended)")
            #expect(ended.names == ["cdp", "regulatory_context", "session_context", "session_id", "status"])
            #expect(ended["session_id"] == .string(id))
            #expect(ended["status"] == "destroyed")
            #expect(ended["session_context"]?["jurisdiction"] == "US")
            #expect(ended["session_context"]?["data_classification"] == "PHI")
            let proof = try #require(ended["cdp"])
            #expect(proof["cdp_version"] == "1.0")
            #expect(proof["regulatory_context"] == ended["regulatory_context"])

            let stored = try await server.send(.get, "/v1/proofs/\(id)", key: key)
            #expect(stored.status == 200)
            #expect(stored.body == proof.canonicalBytes, "identical to what was returned in the DELETE response")

            let verified = try await server.send(.post, "/v1/verify", bytes: stored.body)
            #expect(verified.status == 200)
            #expect(verified["valid"] == true)
            for check in ["chain_integrity", "final_hash", "signature"] {
                #expect(verified["checks"]?[check] == true)
            }
            #expect(verified["checks"]?["step_count"] == 8)
            #expect(verified["key_published"] == true)
            #expect(verified["level"] == "integrity")

            let keyID = try #require(proof["attestation"]?["key_id"]?.string)
            #expect(keyID == "nrx-verify-20260301T140000Z-\(id.dropFirst(5).prefix(8))")
            let published = try await server.send(.get, "/v1/keys/\(keyID)")
            let expected: JSONValue = [
                "key_id": .string(keyID), "algorithm": "Ed25519",
                "public_key": proof["attestation"]?["public_key"] ?? .null, "created_at": "2026-03-01T14:00:00Z",
            ]
            #expect(published.json == expected)
            #expect(published["public_key"]?.string?.hasPrefix("base64:MCowBQYDK2Vw") == true)

            #expect(try await server.send(.get, "/v1/customers/me", key: key)["cdps_this_cycle"] == 1)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["sessions_used"] == 0)
            #expect(try await server.status(of: id, key: key) == "destroyed")
        }
    }

    @Test("a changed proof is answered with 200 and valid false; an invented key is not a published one")
    func verifyTampered() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            _ = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
            let stored = try await server.send(.get, "/v1/proofs/\(id)", key: key)
            let changed = stored.text.replacing("\"trigger\":\"api\"", with: "\"trigger\":\"ttl\"")
            #expect(changed != stored.text)
            let answer = try await server.send(.post, "/v1/verify", bytes: Array(changed.utf8))
            #expect(answer.status == 200)
            #expect(answer["valid"] == false)
            #expect(answer["failures"]?.array?.isEmpty == false)
        }
        let foreign = try Fixtures.vector("cdp-1.0.json")
        try await TestServer.with { server in
            let answer = try await server.send(.post, "/v1/verify", bytes: foreign)
            #expect(answer["valid"] == true)
            #expect(answer["key_published"] == false)
        }
    }
}

/// Golden data that other programs share.
enum Fixtures {
    static func vector(_ name: String) throws -> [UInt8] {
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures/vectors/\(name)")
        return Array(try Data(contentsOf: url))
    }
}
