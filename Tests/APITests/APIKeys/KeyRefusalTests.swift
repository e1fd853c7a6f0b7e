import CanonicalJSON
import EventStore
import HTTPTypes
import HummingbirdTesting
import Ledger
import NIOCore
import Projections
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("Refused API keys", .serialized, .timeLimit(.minutes(10)))
struct KeyRefusalTests {
    private static let path = "/v1/customers/me"

    @Test("the caller gets one answer for every reason that would help a thief; the owner's log tells them apart")
    func reasons() async throws {
        let log = CollectedLog()
        try await TestServer.with(logger: log.logger) { server in
            let owner = try await server.signUp()
            let revoked = try await server.issueKey(owner, ["name": "revoked"])
            _ = try await server.send(.delete, "/v1/api-keys/\(revoked.id)", key: owner)
            let rotated = try await server.issueKey(owner, ["name": "rotated"])
            _ = try await server.send(.post, "/v1/api-keys/\(rotated.id)/rotate", key: owner)
            let expired = try await server.issueKey(owner, ["name": "expired", "expires_at": "2026-03-01T14:00:01Z"])
            // Over the router nobody knows where a request comes from, which is nowhere allowed.
            let bound = try await server.issueKey(owner, ["name": "bound", "allowed_addresses": ["10.0.0.0/8"]])
            server.clock.advance(seconds: 1)
            let unknown = try NewAPIKey(prefix: .nanorixLive, name: "unknown", permissions: .full).text
            let cases: [(KeyRefusal, id: String?, text: String)] = [
                (.revoked, revoked.id, revoked.text), (.rotated, rotated.id, rotated.text),
                (.expired, expired.id, expired.text), (.wrongAddress, bound.id, bound.text), (.unknown, nil, unknown),
            ]
            var bodies: Set<[UInt8]> = []
            for (reason, id, text) in cases {
                let before = log.lines.count
                let answer = try await server.send(.get, Self.path, key: text)
                #expect(answer.status == 401)
                bodies.insert(answer.body)
                let line = try #require(log.lines[before...].first { $0.message == "API key refused" })
                #expect(line.metadata["reason"] == reason.rawValue && line.metadata["key_id"] == id, "\(line)")
                #expect(line.metadata["trace"]?.hasPrefix("req_") == true)
                guard let id else { continue }
                try await server.settle()
                let shown = try await server.send(.get, "/v1/api-keys/\(id)", key: owner)
                #expect(
                    shown["last_refusal"] == ["at": "2026-03-01T14:00:01Z", "reason": .string(reason.rawValue)],
                    "\(shown)")
            }
            #expect(bodies.count == 1, "the answers tell the reasons apart")
            let malformed = try await server.send(.get, Self.path, key: String(owner.dropLast()))
            #expect(malformed.status == 401 && malformed["reason"] == "malformed")
            #expect(malformed["error"] == "Unauthorized")
            #expect(log.lines.contains { $0.metadata["reason"] == "malformed" })
            for text in [owner] + cases.map(\.text) { #expect(!log.text.contains(text.dropFirst(13))) }
        }
    }

    @Test("a thousand requests with a dead key leave one event a day, and the owner's feed shows it")
    func onceADay() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let key = try await server.issueKey(owner, ["name": "dead"])
            _ = try await server.send(.delete, "/v1/api-keys/\(key.id)", key: owner)
            let before = server.server.log.head.size
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<1_000 { group.addTask { try await server.send(.get, Self.path, key: key.text).status } }
                for try await status in group { #expect(status == 401) }
            }
            try await server.settle()
            #expect(server.server.log.head.size == before + 1)
            server.clock.advance(seconds: 86_400)
            for _ in 0..<3 { _ = try await server.send(.get, Self.path, key: key.text) }
            try await server.settle()
            #expect(server.server.log.head.size == before + 2)
            let customer = try await server.principal(owner).customerID
            let feed = try server.server.store.feed(of: customer, in: .live, limit: 100)
            #expect(feed.filter { $0.type == "key.refused" }.count == 2)
        }
    }

    @Test("allowed addresses hold for the address that the connection comes from")
    func addresses() async throws {
        try await TestServer.with(.live) { server in
            let owner = try await server.signUp()
            // The client comes from this machine, whichever of its two loopback addresses it takes.
            let cases: [([JSONValue], Int)] = [
                (["127.0.0.0/8", "::1"], 200), (["::ffff:127.0.0.0/104", "::/64"], 200),
                (["127.255.0.0/16", "::2"], 401), (["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"], 401),
            ]
            for (ranges, status) in cases {
                let key = try await server.issueKey(owner, ["name": "bound", "allowed_addresses": .array(ranges)])
                #expect(try await server.send(.get, Self.path, key: key.text).status == status, "\(ranges)")
                // What a client says of itself changes nothing.
                let headers = [
                    ("X-Forwarded-For", "10.0.0.1"), ("X-Real-IP", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"),
                ]
                #expect(try await server.send(.get, Self.path, key: key.text, headers: headers).status == status)
                _ = try await server.send(
                    .patch, "/v1/api-keys/\(key.id)", key: owner, ["allowed_addresses": ["192.0.2.0/24"]])
                #expect(try await server.send(.get, Self.path, key: key.text).status == 401)
                _ = try await server.send(.patch, "/v1/api-keys/\(key.id)", key: owner, ["allowed_addresses": .null])
                #expect(try await server.send(.get, Self.path, key: key.text).status == 200)
            }
        }
    }
}
