import HTTPTypes
import CanonicalJSON
import EventStore
import Ledger
import ServerFixtures
import Testing

@testable import API

@Suite("Lists of sessions and proofs, usage")
struct ListTests {
    @Test("sessions come newest first, a page at a time, each exactly once, and only the caller's own")
    func pages() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let stranger = try await server.signUp("stranger@company.com")
            var made: [String] = []
            for _ in 0..<5 { made.append(try await server.recordEndedSession(of: key)) }
            _ = try await server.recordEndedSession(of: stranger)

            var seen: [String] = []
            var cursor = ""
            var pages = 0
            while true {
                let answer = try await server.send(.get, "/v1/sessions?limit=2" + cursor, key: key)
                #expect(answer.status == 200)
                let ids = (answer["data"]?.array ?? []).compactMap { $0["session_id"]?.string }
                seen += ids
                pages += 1
                guard answer["has_more"] == true, let last = ids.last else { break }
                cursor = "&starting_after=\(last)"
            }
            #expect(seen == Array(made.reversed()))
            #expect(pages == 3)
            let first = try await server.send(.get, "/v1/sessions?limit=1", key: key)["data"]?.array?.first
            #expect(first?["status"] == "expired_unclean")
            #expect(first?["ended_by"] == "environment_lost")
        }
    }

    @Test("a limit or cursor that is none is a 400 that names it; somebody else's session is no way into their list")
    func badPages() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let stranger = try await server.signUp("stranger@company.com")
            let theirs = try await server.recordEndedSession(of: stranger)
            for path in ["/v1/sessions", "/v1/proofs", "/v1/events"] {
                for limit in ["0", "101", "-1", "ten", ""] {
                    let answer = try await server.send(.get, "\(path)?limit=\(limit)", key: key)
                    #expect(answer.status == 400, "\(path) \(limit)")
                    #expect(answer["field"] == "limit")
                }
            }
            for path in ["/v1/sessions", "/v1/proofs"] {
                let answer = try await server.send(.get, "\(path)?starting_after=nonsense", key: key)
                #expect(answer.status == 400)
                #expect(answer["field"] == "starting_after")
                let after = try await server.send(.get, "\(path)?starting_after=\(theirs)", key: key)
                #expect(after["data"] == [])
            }
        }
    }

    @Test("usage counts what was done, by day and by cycle, and refuses days that are none")
    func usage() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.recordEndedSession(of: key)
            server.clock.advance(seconds: 86_400)
            _ = try await server.recordEndedSession(of: key)
            _ = try await server.recordEndedSession(of: key)
            let answer = try await server.send(.get, "/v1/usage", key: key)
            #expect(answer.status == 200, "\(answer)")
            let days = answer["days"]?.array ?? []
            #expect(days.compactMap { $0["period"]?.string } == ["2026-03-01", "2026-03-02"])
            #expect(days.compactMap { $0["sessions"]?.integer } == [1, 2])
            #expect(answer["cycle"]?["sessions"] == 3)
            #expect(answer["cycle"]?["cdp_limit"] == 100)
            #expect(answer["cycle"]?["starts_at"] == "2026-03-01T00:00:00Z")
            let first = try await server.send(.get, "/v1/usage?from=2026-03-01&to=2026-03-01", key: key)
            #expect(first["days"]?.array?.count == 1)
            for query in [
                "from=2026-02-30", "from=yesterday", "from=2026-03-02&to=2026-03-01", "from=2024-01-01&to=2026-03-01",
            ] {
                #expect(try await server.send(.get, "/v1/usage?\(query)", key: key).status == 400, "\(query)")
            }
        }
    }

    @Test(
        "every destroyed session is in the list of proofs, and each entry leads to its proof",
        .enabled(if: Isolation.isAvailable))
    func proofs() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            var made: [String] = []
            for _ in 0..<3 {
                let session = try await server.createSession(key)
                #expect(try await server.send(.delete, "/v1/sessions/\(session)", key: key).status == 200)
                made.append(session)
            }
            let answer = try await server.send(.get, "/v1/proofs?limit=2", key: key)
            #expect(answer["has_more"] == true)
            let entries = answer["data"]?.array ?? []
            #expect(entries.compactMap { $0["session_id"]?.string } == Array(made.reversed().prefix(2)))
            for entry in entries {
                let proof = try await server.send(.get, "/v1/proofs/\(entry["session_id"]?.string ?? "")", key: key)
                #expect(proof.text.contains(entry["final_hash"]?.string ?? "nothing"))
            }
        }
    }
}
