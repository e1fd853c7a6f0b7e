import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("PATCH /v1/customers/me", .serialized, .timeLimit(.minutes(10)))
struct AccountTests {
    @Test(
        "jurisdiction and organisation change, null takes the organisation away, and neither stands readable in the log"
    )
    func change() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let changed = try await server.send(
                .patch, "/v1/customers/me", key: key, ["jurisdiction": "EU", "organisation": "Löwenzahn GmbH"])
            #expect(changed.status == 200, "\(changed)")
            #expect(changed["jurisdiction"] == "EU" && changed["organisation"] == "Löwenzahn GmbH")
            #expect(changed.body == (try await server.send(.get, "/v1/customers/me", key: key)).body)
            let one = try await server.send(.patch, "/v1/customers/me", key: key, ["jurisdiction": "UK"])
            #expect(one["organisation"] == "Löwenzahn GmbH" && one["jurisdiction"] == "UK")
            let none = try await server.send(.patch, "/v1/customers/me", key: key, ["organisation": .null])
            #expect(none.status == 200 && none["organisation"] == nil && none["jurisdiction"] == "UK")
            let events = try await server.server.log.read(from: 0)
            let text = events.map { String(decoding: $0.event.line(at: $0.sequence), as: UTF8.self) }.joined()
            #expect(!text.contains("wenzahn"))
            let feed = try await server.send(.get, "/v1/events", key: key).text
            #expect(feed.contains("customer.changed") && !feed.contains("sealed_organisation"))
        }
    }

    @Test(
        "what cannot be is a 400 that names the member, and changes nothing",
        arguments: [
            ("{}", "jurisdiction"), (#"{"jurisdiction":"MARS"}"#, "jurisdiction"),
            (#"{"jurisdiction":7}"#, "jurisdiction"),
            (#"{"organisation":""}"#, "organisation"), (#"{"organisation":"a\u0000"}"#, "organisation"),
            (#"{"organisation":["a"]}"#, "organisation"), (#"{"email":"other@company.com"}"#, "email"),
        ])
    func invalid(body: String, field: String) async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                let answer = try await server.send(.patch, "/v1/customers/me", key: key, bytes: Array(body.utf8))
                #expect(answer.status == 400, "\(answer)")
                #expect(answer["field"] == .string(field))
            }
        }
    }

    @Test(
        "the jurisdiction stands in the proof's signed context and chooses the provisions that it names",
        .enabled(if: Isolation.isAvailable), arguments: Jurisdiction.allCases)
    func carriedIntoProofs(jurisdiction: Jurisdiction) async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let other: Jurisdiction = jurisdiction == .unitedStates ? .europeanUnion : .unitedStates
            _ = try await server.send(.patch, "/v1/customers/me", key: key, ["jurisdiction": .string(other.rawValue)])
            let before = try await server.createSession(key, ["data_classification": "PHI"])
            _ = try await server.send(
                .patch, "/v1/customers/me", key: key, ["jurisdiction": .string(jurisdiction.rawValue)])
            let after = try await server.createSession(key, ["data_classification": "PHI"])
            for (session, expected) in [(before, other), (after, jurisdiction)] {
                let ended = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
                #expect(ended["session_context"]?["jurisdiction"] == .string(expected.rawValue))
                let context = SessionContext(
                    jurisdiction: expected, dataClassification: .healthInformation, region: "us", environment: .live)
                #expect(ended["regulatory_context"] == (try RegulatoryTable.bundled().context(for: context)))
                let regulations =
                    ended["regulatory_context"]?["mappings"]?.array?
                    .flatMap { $0["frameworks"]?.array ?? [] }.compactMap { $0["regulation"]?.string } ?? []
                #expect(regulations.contains("HIPAA"))
                #expect(regulations.contains("GDPR") == (expected == .europeanUnion))
                #expect(regulations.contains("UK GDPR") == (expected == .unitedKingdom))
                let cdp = try #require(ended["cdp"])
                let verified = try await server.send(.post, "/v1/verify", bytes: cdp.canonicalBytes)
                #expect(verified["valid"] == true, "\(verified)")
            }
        }
    }
}
