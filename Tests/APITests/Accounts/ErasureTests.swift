import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import Projections
import Proofs
import ServerFixtures
import Testing

@testable import API
@testable import Vault

@Suite("DELETE /v1/customers/me", .serialized, .timeLimit(.minutes(10)))
struct ErasureTests {
    @Test("nothing happens without the account's id written out, nor without a member's password")
    func confirmation() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner()
            let (other, _) = try await server.signUpOwner("bob@company.com")
            let token = try await server.signIn().access
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            let confirm: JSONValue = ["confirm": .string(customer)]
            try await server.expectStillness {
                for body: JSONValue in [[:], ["confirm": true], ["confirm": "yes"], ["confirm": .string(other)]] {
                    let answer = try await server.send(.delete, "/v1/customers/me", key: key, body)
                    #expect(answer.status == 400 && answer["field"] == "confirm", "\(answer)")
                }
                let bare = try await server.send(.delete, "/v1/customers/me", key: token, confirm)
                #expect(bare.status == 400 && bare["field"] == "password", "\(bare)")
                let wrong = try await server.send(
                    .delete, "/v1/customers/me", key: token, ["confirm": .string(customer), "password": "not this one"])
                #expect(wrong.status == 403 && wrong["field"] == "password", "\(wrong)")
            }
            let done = try await server.send(
                .delete, "/v1/customers/me", key: token,
                ["confirm": .string(customer), "password": .string(TestServer.password)])
            #expect(done.status == 200, "\(done)")
            #expect(done.headers["set-cookie"]?.contains("Max-Age=0") == true)
        }
    }

    @Test("not with a test key, nor as an admin: the account is its owner's")
    func whoMay() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner()
            let testKey = try await server.issueTestKey(of: key)
            _ = try await server.addMember("eve@company.com", "admin", by: key)
            let admin = try await server.signIn("eve@company.com").access
            for credential in [testKey, admin] {
                let answer = try await server.send(
                    .delete, "/v1/customers/me", key: credential,
                    ["confirm": .string(customer), "password": .string(TestServer.password)])
                #expect(answer.status == 403, "\(answer)")
            }
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 200)
        }
    }

    @Test("keys, tokens and sign-ins are dead at once; the data key is gone; every e-mail can be used again")
    func everythingIsDead() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner()
            let (_, stranger) = try await server.signUpOwner("bob@company.com")
            _ = try await server.addMember("eve@company.com", "developer", by: key)
            let invited = try await server.send(
                .post, "/v1/invitations", key: key, ["email": "carol@company.com", "role": "auditor"])
            let testKey = try await server.issueTestKey(of: key)
            let (access, refresh) = try await server.signIn()
            let id = try #require(CustomerID(customer))
            try await server.server.ledger.projections.caughtUpWithAnswers()
            let sealed = try #require(try server.server.store.customer(id)?.sealedEmail)

            let done = try await server.send(
                .delete, "/v1/customers/me", key: key, ["confirm": .string(customer)])
            #expect(done.status == 200, "\(done)")
            #expect(done["status"] == "erased" && done["customer_id"] == .string(customer) && done["cdps"] == [])

            for credential in [key, testKey, access] {
                let answer = try await server.send(.get, "/v1/customers/me", key: credential)
                #expect(answer.status == 401, "\(answer)")
            }
            #expect(try await server.refresh(refresh).status == 401)
            #expect(try await server.logIn().status == 401)
            #expect(try await server.logIn("eve@company.com").status == 401)
            let accepted = try await server.send(
                .post, "/v1/invitations/accept",
                ["token": invited["token"] ?? .null, "password": .string(TestServer.password)])
            #expect(accepted.status == 404, "\(accepted)")
            let repeated = try await server.send(.delete, "/v1/customers/me", key: key, ["confirm": .string(customer)])
            #expect(repeated.status == 401)
            let error = await #expect(throws: VaultError.self) {
                try await server.server.vault.open(sealed, customerID: customer, context: "any", field: "email")
            }
            #expect(error?.code == .unknownCustomer)

            let operators = try await server.operate("GET", "/customers")
            #expect(operators["data"]?.array?.compactMap { $0["email"]?.string } == ["bob@company.com"])
            #expect(try await server.send(.get, "/v1/customers/me", key: stranger).status == 200)
            for email in ["ada@company.com", "EVE@company.com"] {
                let (again, newKey) = try await server.signUpOwner(email)
                #expect(again != customer)
                #expect(try await server.send(.get, "/v1/customers/me", key: newKey)["email"] == .string(email))
                #expect(try await server.logIn(email).status == 200)
            }
            // What was reserved for the dead keys is not given back, and holds nobody else up.
            try await server.server.meter.returnRest(trace: "test")
        }
    }

    @Test(
        "live and test sessions end first, with proofs in the answer that verify as this ledger's",
        .enabled(if: Isolation.isAvailable))
    func sessions() async throws {
        try await TestServer.with(isolating: true) { server in
            let (customer, key) = try await server.signUpOwner()
            let testKey = try await server.issueTestKey(of: key)
            let live = try await server.createSession(key)
            let test = try await server.createSession(testKey)
            _ = try await server.execute("echo secret > file", in: live, key: key)
            let done = try await server.send(.delete, "/v1/customers/me", key: key, ["confirm": .string(customer)])
            #expect(done.status == 200, "\(done)")
            let proofs = try #require(done["cdps"]?.array)
            #expect(Set(proofs.compactMap { $0["session_id"]?.string }) == [live, test])
            for proof in proofs {
                let verified = try await server.send(.post, "/v1/verify", bytes: proof.canonicalBytes)
                #expect(verified["valid"] == true && verified["key_published"] == true, "\(verified)")
            }
            #expect(server.server.sessions.count == 0)
        }
    }

    @Test(
        "sessions that are begun while the account is erased end with a proof or never begin",
        .enabled(if: Isolation.isAvailable))
    func sessionsMeanwhile() async throws {
        try await TestServer.with(isolating: true) { server in
            let (customer, key) = try await server.signUpOwner()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        if number == 8 {
                            return try await server.send(
                                .delete, "/v1/customers/me", key: key, ["confirm": .string(customer)]
                            ).status
                        }
                        return try await server.send(.post, "/v1/sessions", key: key, [:]).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(
                Set(statuses).isSubset(of: [200, 201, 401, 409]) && statuses.count { $0 == 200 } == 1, "\(statuses)")
            #expect(server.server.sessions.count == 0)
            let id = try #require(CustomerID(customer))
            #expect(server.server.ledger.read { $0.isErased(id) && $0.counts.liveSessions == 0 })
            let ends = try await server.server.log.read(from: 0).map(\.event.type)
            #expect(ends.count { $0 == SessionCreated.type } == ends.count { $0 == ProofIssued.type })
        }
    }

    @Test("signing up again with the Idempotency-Key of the erased account makes a new one, not the old answer")
    func idempotency() async throws {
        try await TestServer.with { server in
            func signUp() async throws -> Answer {
                try await server.send(
                    .post, "/v1/signup", headers: [("Idempotency-Key", "7b0a1f5e-3c55-4b0e-9d0e-52e0c7e7a111")],
                    bytes: Array(#"{"email":"you@company.com"}"#.utf8))
            }
            let first = try await signUp()
            let erased = try await server.send(
                .delete, "/v1/customers/me", key: try #require(first["api_key"]?.string),
                ["confirm": first["customer_id"] ?? .null])
            #expect(erased.status == 200, "\(erased)")
            let second = try await signUp()
            #expect(second.status == 201 && second["customer_id"] != first["customer_id"])
        }
    }

    @Test("the operator erases for whoever asks without a key, with the id to confirm")
    func byTheOperator() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner()
            let refused = try await server.operate("DELETE", "/customers/\(customer)", ["confirm": "ada@company.com"])
            #expect(refused.status == 400, "\(refused)")
            let done = try await server.operate("DELETE", "/customers/\(customer)", ["confirm": .string(customer)])
            #expect(done.status == 200, "\(done)")
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 401)
        }
    }
}
