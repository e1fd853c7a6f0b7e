import CanonicalJSON
import HTTPTypes
import Ledger
import ServerFixtures
import Testing

@testable import API

@Suite("Members and invitations", .serialized, .timeLimit(.minutes(10)))
struct MemberTests {
    @Test("invite, list, accept once, sign in with the role, change it, remove: the tokens die at once")
    func life() async throws {
        try await TestServer.with { server in
            let (customer, _) = try await server.signUpOwner()
            let owner = try await server.signIn().access
            let invited = try await server.send(
                .post, "/v1/invitations", key: owner, ["email": "Bob@company.com", "role": "developer"])
            #expect(invited.status == 201, "\(invited)")
            #expect(invited["expires_at"] == "2026-03-08T14:00:00Z" && invited["status"] == "pending")
            let token = try #require(invited["token"]?.string)
            let id = try #require(invited["id"]?.string)
            let listed = try await server.send(.get, "/v1/invitations", key: owner)
            #expect(listed["data"]?.array?.count == 1 && !listed.text.contains(token))
            let accept: JSONValue = ["token": .string(token), "password": .string(TestServer.password), "name": "Bob"]
            let accepted = try await server.send(.post, "/v1/invitations/accept", accept)
            #expect(accepted.status == 201 && accepted["role"] == "developer", "\(accepted)")
            #expect(accepted["customer_id"] == .string(customer) && accepted["email"] == "Bob@company.com")
            #expect(try await server.send(.post, "/v1/invitations/accept", accept).status == 404)
            #expect(try await server.send(.get, "/v1/invitations/\(id)", key: owner)["status"] == "accepted")
            let again = try await server.send(
                .post, "/v1/invitations", key: owner, ["email": "BOB@company.com", "role": "auditor"])
            #expect(again.status == 409, "he is a member already: \(again)")

            let member = try #require(accepted["id"]?.string)
            let bob = try await server.signIn("bob@company.com").access
            #expect(try await server.send(.get, "/v1/members", key: bob)["data"]?.array?.count == 2)
            #expect(try await server.send(.delete, "/v1/members/\(member)", key: bob).status == 403)
            let changed = try await server.send(.patch, "/v1/members/\(member)", key: owner, ["role": "auditor"])
            #expect(changed.status == 200 && changed["role"] == "auditor")
            #expect(
                try await server.send(.get, "/v1/members", key: bob).status == 403, "it holds for tokens issued before")
            #expect(try await server.whoIs(bob) == 200)
            #expect(try await server.send(.delete, "/v1/members/\(member)", key: owner).status == 200)
            #expect(try await server.whoIs(bob) == 401)
            #expect(try await server.logIn("bob@company.com").status == 401)
            #expect(try await server.send(.get, "/v1/members/\(member)", key: owner).status == 404)
            _ = try await server.addMember("bob@company.com", "admin", by: owner)
            #expect(try await server.logIn("bob@company.com").status == 200, "the e-mail is free again")
        }
    }

    @Test("an auditor reads proofs, logs and usage, and gets 403 from every other route")
    func auditor() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            _ = try await server.addMember("eve@company.com", "auditor", by: key)
            let token = try await server.signIn("eve@company.com").access
            let allowed = Role.auditor.permissions
            for route in server.server.routes {
                guard case .key(let needed) = route.access, !allowed.isSuperset(of: needed) else { continue }
                let method = try #require(HTTPRequest.Method(rawValue: route.method.rawValue))
                let path = route.path.replacing(":id", with: "x").replacing(":session_id", with: "x")
                #expect(try await server.send(method, path, key: token).status == 403, "\(route.path)")
            }
            #expect(try await server.send(.get, "/v1/proofs/sess_0", key: token).status == 404, "it may look")
        }
    }

    @Test("an e-mail is one member's, whatever its case; who else has it is told to nobody before they hold the token")
    func emails() async throws {
        try await TestServer.with { server in
            let (_, first) = try await server.signUpOwner()
            let (_, second) = try await server.signUpOwner("bob@other.com")
            _ = try await server.addMember("carol@company.com", "developer", by: first)
            let invited = try await server.send(
                .post, "/v1/invitations", key: second, ["email": "CAROL@Company.com", "role": "developer"])
            #expect(invited.status == 201)
            let accepted = try await server.send(
                .post, "/v1/invitations/accept",
                ["token": invited["token"] ?? .null, "password": .string(TestServer.password)])
            #expect(accepted.status == 409)
            let signUp = try await server.send(
                .post, "/v1/signup", ["email": "cArol@company.com", "password": .string(TestServer.password)])
            #expect(signUp.status == 409)
            let keysOnly = try await server.send(.post, "/v1/signup", ["email": "carol@company.com"])
            #expect(keysOnly.status == 201, "the failed sign-up left nothing behind, and keys need no member")
        }
    }

    @Test("however many are invited and accept at once, the plan's number is reached and never passed")
    func capUnderConcurrency() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner(plan: "business")
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        try await server.send(
                            .post, "/v1/invitations", key: key,
                            ["email": .string("m\(number)@company.com"), "role": "developer"])
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            let tokens = answers.compactMap { $0["token"]?.string }
            #expect(tokens.count == 9)
            #expect(answers.filter { $0.status == 409 }.count == 15)
            _ = try await server.operate("PUT", "/customers/\(customer)/plan", ["tier": "starter"])
            let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
                for token in tokens {
                    group.addTask {
                        try await server.send(
                            .post, "/v1/invitations/accept",
                            ["token": .string(token), "password": .string(TestServer.password)]
                        ).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(accepted.filter { $0 == 201 }.count == 4)
            #expect(try await server.send(.get, "/v1/members", key: key)["data"]?.array?.count == 5)
        }
    }

    @Test("the last owner stays; test keys and members in test mode manage nobody")
    func guards() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            let owner = try await server.signIn().access
            let id = try #require(try await server.send(.get, "/v1/auth/me", key: owner)["id"]?.string)
            #expect(try await server.send(.delete, "/v1/members/\(id)", key: owner).status == 409)
            #expect(try await server.send(.patch, "/v1/members/\(id)", key: key, ["role": "admin"]).status == 409)
            let invite: JSONValue = ["email": "x@company.com", "role": "developer"]
            let testKey = try await server.issueTestKey(of: key)
            #expect(try await server.send(.post, "/v1/invitations", key: testKey, invite).status == 403)
            let inTest = try await server.send(
                .post, "/v1/invitations", key: owner, headers: [("Nrx-Environment", "test")],
                bytes: invite.canonicalBytes)
            #expect(inTest.status == 403)
            let other = try await server.send(
                .get, "/v1/auth/me", key: owner, headers: [("Nrx-Environment", "production")])
            #expect(other.status == 400)
        }
    }

    @Test("what is wrong with a request is said with its field; lists have pages")
    func requests() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            let bad: [(JSONValue, String)] = [
                (["role": "admin"], "email"), (["email": "x@y", "role": "admin"], "email"),
                (["email": "x@y.com"], "role"), (["email": "x@y.com", "role": "root"], "role"),
                (["email": "x@y.com", "role": "admin", "expires_in_days": 31], "expires_in_days"),
                (["email": "x@y.com", "role": "admin", "expires_in_days": 0], "expires_in_days"),
            ]
            for (body, field) in bad {
                let answer = try await server.send(.post, "/v1/invitations", key: key, body)
                #expect(answer.status == 400 && answer["field"] == .string(field), "\(answer)")
            }
            for number in 0..<3 { _ = try await server.addMember("m\(number)@company.com", "developer", by: key) }
            let first = try await server.send(.get, "/v1/members?limit=3", key: key)
            #expect(first["data"]?.array?.count == 3 && first["has_more"] == true)
            let last = try #require(first["data"]?.array?.last?["id"]?.string)
            let second = try await server.send(.get, "/v1/members?limit=3&starting_after=\(last)", key: key)
            #expect(second["data"]?.array?.count == 1 && second["has_more"] == false)
            #expect(second["data"]?.array?.first?["email"] == "ada@company.com")
            #expect(try await server.send(.get, "/v1/members?starting_after=nobody", key: key).status == 400)
            #expect(try await server.send(.get, "/v1/members?limit=0", key: key).status == 400)
        }
    }

    @Test("an invitation expires, and can be revoked")
    func invitationEnds() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            func invite(_ email: String) async throws -> (id: String, token: String) {
                let answer = try await server.send(
                    .post, "/v1/invitations", key: key,
                    ["email": .string(email), "role": "developer", "expires_in_days": 1])
                return (try #require(answer["id"]?.string), try #require(answer["token"]?.string))
            }
            func accept(_ token: String) async throws -> Int {
                try await server.send(
                    .post, "/v1/invitations/accept",
                    ["token": .string(token), "password": .string(TestServer.password)]
                ).status
            }
            let (first, second) = (try await invite("a@company.com"), try await invite("b@company.com"))
            let revoked = try await server.send(.delete, "/v1/invitations/\(first.id)", key: key)
            #expect(revoked.status == 200 && revoked["status"] == "revoked")
            #expect(try await server.send(.delete, "/v1/invitations/\(first.id)", key: key).status == 404)
            #expect(try await accept(first.token) == 404)
            server.clock.advance(seconds: 86_400)
            #expect(try await accept(second.token) == 404)
            #expect(try await server.send(.get, "/v1/invitations/\(second.id)", key: key)["status"] == "expired")
        }
    }
}
