import EventStore
import Ledger
import Merkle
import ServerFixtures
import Testing

@testable import API
@testable import Vault

@Suite("Making customers")
struct CustomerRegistrationTests {
    @Test("no two events of a sign-up have the same id, and each field is sealed to the event that holds it")
    func ids() throws {
        let form = CustomerRegistration.Form(
            email: try EmailAddress("ada@company.com"), password: nil, name: try PersonName("Ada"))
        let draft = try RegistrationDraft(form, verifier: "$argon2id$")
        let command = try draft.command(sealed: ["YQ==", "Yg==", "Yw==", "ZA=="])
        let owner = try #require(command.owner)
        let ids = [command.eventID, try #require(command.keyEventID), owner.eventID]
        #expect(Set(ids).count == 3)
        #expect(
            draft.place.fields.map(\.context)
                == [command.eventID, owner.eventID, owner.eventID, owner.eventID].map(\.text))
        #expect(
            [command.sealedEmail, owner.sealedEmail, owner.sealedVerifier, owner.sealedName]
                == ["YQ==", "Yg==", "Yw==", "ZA=="])
    }

    @Test("the events of a sign-up have ids of their own in the log")
    func keyEvent() async throws {
        try await TestServer.with { server in
            _ = try await server.signUp("ada@company.com")
            let events = try await server.server.log.read(from: 1)
            #expect(events.map(\.event.type) == [CustomerCreated.type, KeyIssued.type])
            #expect(Set(events.map(\.event.id)).count == 2)
        }
    }

    @Test("an address whose sign-up could not be recorded is free again, for customers and members")
    func released() async throws {
        try await TestServer.with { server in
            let (ledger, vault) = (server.server.ledger, server.server.vault)
            let registration = CustomerRegistration(
                ledger: ledger, vault: vault, hasher: PasswordHasher(cost: .init(passes: 1, memoryBytes: 8_192)))
            let form = CustomerRegistration.Form(
                email: try EmailAddress("ada@company.com"),
                password: try Password("correct horse battery staple"))
            // The event log takes no event of this size.
            let huge = Idempotency.record(
                RecordRequest(keySHA256: .zero, requestSHA256: .zero) { _ in String(repeating: "A", count: 8 << 20) })
            let size = server.server.log.head.size
            await #expect(throws: APIError.self) {
                _ = try await registration.register(form, as: .system, trace: "req_1", idempotency: { _ in huge })
            }
            #expect(server.server.log.head.size == size)
            #expect(try await vault.customerID(forEmail: "ada@company.com") == nil)
            #expect(try await vault.member(forEmail: "ada@company.com") == nil)
            _ = try await registration.register(form, as: .system, trace: "req_2")
        }
    }
}
