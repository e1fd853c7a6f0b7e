import HummingbirdTesting
import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("Signing in", .serialized, .timeLimit(.minutes(10)))
struct SignInTests {
    @Test("sign up with a password, sign in, ask who I am, work with the token, sign out: then it is worth nothing")
    func life() async throws {
        try await TestServer.with { server in
            let (customer, _) = try await server.signUpOwner()
            let answer = try await server.logIn(" ADA@company.COM ")
            #expect(answer.status == 200, "\(answer)")
            #expect(answer["token_type"] == "bearer" && answer["expires_in"] == 900)
            #expect(answer.headers["cache-control"] == "no-store")
            let cookie = try #require(answer.headers["set-cookie"])
            let access = try #require(answer["access_token"]?.string)
            #expect(cookie.hasPrefix("access_token=\(access); "))
            for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
                #expect(cookie.contains("; \(attribute);"), "\(cookie)")
            }
            let me = try await server.send(.get, "/v1/auth/me", key: access)
            #expect(me["email"] == "ada@company.com" && me["name"] == "Ada" && me["role"] == "owner")
            #expect(me["customer_id"] == .string(customer) && me["last_sign_in_at"] != .null)
            #expect(try await server.send(.get, "/v1/customers/me", key: access).status == 200)
            let made = try await server.send(.post, "/v1/api-keys", key: access, ["name": "by a member"])
            #expect(made.status == 201, "\(made)")
            let out = try await server.send(.post, "/v1/auth/logout", key: access)
            #expect(out.status == 200 && out.headers["set-cookie"]?.contains("Max-Age=0") == true)
            #expect(try await server.whoIs(access) == 401)
            #expect(try await server.refresh(try #require(answer["refresh_token"]?.string)).status == 401)
        }
    }

    @Test("an unknown e-mail and a wrong password: the same answer for the same number of hash computations")
    func sameWork() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            _ = try await server.send(.post, "/v1/signup", ["email": "keys@only.com"])
            let hasher = server.server.identity.hasher
            func ask(_ email: String, _ password: String) async throws -> (Answer, Int) {
                let before = hasher.computations
                let answer = try await server.logIn(email, password)
                return (answer, hasher.computations - before)
            }
            let right = try await ask("ada@company.com", TestServer.password)
            #expect(right.0.status == 200 && right.1 == 1)
            let wrong = try await ask("ada@company.com", TestServer.password + " ")
            #expect(wrong.0.status == 401 && wrong.1 == 1)
            for (email, password) in [
                ("nobody@company.com", TestServer.password), ("keys@only.com", TestServer.password),
                ("ada@company.com", ""), ("nobody@company.com", String(repeating: "x", count: 5_000)),
            ] {
                let other = try await ask(email, password)
                #expect(other.0.body == wrong.0.body && other.0.status == 401 && other.1 == 1, "\(email)")
            }
        }
    }

    @Test("a refresh token works once; when it comes again, everything of the family is dead")
    func reuse() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let first = try await server.signIn()
            let other = try await server.signIn()
            let second = try await server.refresh(first.refresh)
            #expect(second.status == 200, "\(second)")
            let access = try #require(second["access_token"]?.string)
            #expect(try await server.whoIs(access) == 200)
            #expect(try await server.whoIs(first.access) == 200, "what was under way while it was refreshed")
            #expect(try await server.refresh(first.refresh).status == 401)
            #expect(try await server.whoIs(access) == 401)
            #expect(try await server.refresh(try #require(second["refresh_token"]?.string)).status == 401)
            #expect(try await server.whoIs(other.access) == 200, "another sign-in goes on")
        }
    }

    @Test("many refreshes of one token at once: at most one gets tokens, and then those are dead too")
    func parallelReuse() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let token = try await server.signIn().refresh
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<16 { group.addTask { try await server.refresh(token) } }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            let got = answers.filter { $0.status == 200 }
            #expect(got.count <= 1)
            for answer in got { #expect(try await server.whoIs(try #require(answer["access_token"]?.string)) == 401) }
        }
    }

    @Test("an access token lives 15 minutes, a refresh token 7 days, both to the second")
    func lifetimes() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let tokens = try await server.signIn()
            server.clock.advance(seconds: 899)
            #expect(try await server.whoIs(tokens.access) == 200)
            server.clock.advance(seconds: 1)
            #expect(try await server.whoIs(tokens.access) == 401)
            server.clock.advance(seconds: 7 * 86_400 - 901)
            let next = try await server.refresh(tokens.refresh)
            #expect(next.status == 200)
            server.clock.advance(seconds: 7 * 86_400)
            #expect(try await server.refresh(try #require(next["refresh_token"]?.string)).status == 401)
        }
    }

    @Test("another password ends every sign-in and begins one; the old password is worth nothing")
    func passwordChange() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let (first, second) = (try await server.signIn(), try await server.signIn())
            func change(_ current: String, _ new: String) async throws -> Answer {
                try await server.send(
                    .post, "/v1/auth/password", key: first.access,
                    ["current_password": .string(current), "new_password": .string(new)])
            }
            let wrong = try await change("something else", "a new password")
            #expect(wrong.status == 403 && wrong["field"] == "current_password")
            let short = try await change(TestServer.password, "1234567")
            #expect(short.status == 400 && short["field"] == "new_password")
            let long = try await change(TestServer.password, String(repeating: "é", count: 513))
            #expect(long.status == 400 && long["message"]?.string?.contains("1024") == true)
            #expect(try await server.whoIs(second.access) == 200)
            let changed = try await change(TestServer.password, "a new password")
            #expect(changed.status == 200, "\(changed)")
            for token in [first.access, second.access] { #expect(try await server.whoIs(token) == 401) }
            #expect(try await server.refresh(second.refresh).status == 401)
            #expect(try await server.whoIs(try #require(changed["access_token"]?.string)) == 200)
            #expect(try await server.logIn().status == 401)
            #expect(try await server.logIn("ada@company.com", "a new password").status == 200)
        }
    }

    @Test("composed and decomposed spellings are one password; white space and the 73rd byte count")
    func passwordBytes() async throws {
        try await TestServer.with { server in
            let long = String(repeating: "x", count: 80)
            for (email, password) in [("a@b.com", "cr\u{E8}me br\u{FB}l\u{E9}e "), ("c@d.com", long)] {
                let answer = try await server.send(
                    .post, "/v1/signup", ["email": .string(email), "password": .string(password)])
                #expect(answer.status == 201, "\(answer)")
            }
            #expect(try await server.logIn("a@b.com", "cre\u{300}me bru\u{302}le\u{301}e ").status == 200)
            #expect(try await server.logIn("a@b.com", "cr\u{E8}me br\u{FB}l\u{E9}e").status == 401)
            #expect(try await server.logIn("c@d.com", long).status == 200)
            #expect(try await server.logIn("c@d.com", String(repeating: "x", count: 79)).status == 401)
        }
    }

    @Test("the operator's reset token sets a password once; every sign-in ends")
    func reset() async throws {
        try await TestServer.with { server in
            _ = try await server.signUpOwner()
            let before = try await server.signIn()
            let issued = try await server.operate("POST", "/reset-tokens", ["member": "ADA@company.com"])
            let token = try #require(issued["reset_token"]?.string, "\(issued)")
            func use(_ token: String) async throws -> Answer {
                try await server.send(
                    .post, "/v1/auth/password/reset",
                    ["reset_token": .string(token), "new_password": "another password"])
            }
            #expect(try await use(String(token.dropLast())).status == 401)
            #expect(try await use("nrx_reset_" + String(repeating: "0", count: 64)).status == 401)
            #expect(try await use(token).status == 200)
            #expect(try await use(token).status == 401)
            #expect(try await server.whoIs(before.access) == 401)
            #expect(try await server.logIn("ada@company.com", "another password").status == 200)
            #expect(try await server.operate("POST", "/reset-tokens", ["member": "no@body.com"]).status == 404)
            let late = try await server.operate(
                "POST", "/reset-tokens", ["member": "ada@company.com", "expires_in_hours": 1])
            server.clock.advance(seconds: 3_600)
            #expect(try await use(try #require(late["reset_token"]?.string)).status == 401)
        }
    }

    @Test(
        "attempts at one account are limited wherever they come from, unknown accounts alike; Retry-After says how long"
    )
    func accountLimit() async throws {
        try await TestServer.with(limited: true) { server in
            _ = try await server.signUpOwner()
            for email in ["ada@company.com", "nobody@company.com"] {
                for _ in 0..<10 { #expect(try await server.logIn(email, "wrong").status == 401) }
                let refused = try await server.logIn(email.uppercased(), TestServer.password)
                #expect(refused.status == 429 && refused["error"] == "RateLimited", "\(refused)")
                #expect(Int(refused.headers["retry-after"] ?? "") ?? 0 > 0)
            }
            server.clock.advance(seconds: 61)
            #expect(try await server.logIn().status == 200)
        }
    }

    @Test("five attempts a minute from one address, whatever the account")
    func addressLimit() async throws {
        try await TestServer.with(limited: true, .live) { server in
            for number in 0..<5 { #expect(try await server.logIn("n\(number)@company.com", "wrong").status == 401) }
            let refused = try await server.logIn("other@company.com", "wrong")
            #expect(refused.status == 429 && refused.headers["retry-after"] != nil, "\(refused)")
        }
    }

    @Test("a verifier of other parameters is replaced at the next sign-in, which ends no sign-in")
    func rehash() async throws {
        let cheap = PasswordHasher(cost: .init(passes: 1, memoryBytes: 8_192))
        let dear = PasswordHasher(cost: .init(passes: 2, memoryBytes: 16_384))
        let password = try Password(TestServer.password)
        let verifier = try await cheap.verifier(of: password)
        #expect(verifier.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
        #expect(try await cheap.check(password, against: verifier) == .right)
        #expect(try await dear.check(password, against: verifier) == .rightButOutdated)
        #expect(try await dear.check(try Password("something else"), against: verifier) == .wrong)
        #expect(try await dear.check(password, against: nil) == .wrong)
        let (real, dummy) = (verifier.split(separator: "$"), cheap.dummy.split(separator: "$"))
        #expect(real.prefix(3) == dummy.prefix(3) && real.map(\.count) == dummy.map(\.count), "it costs as much")
        #expect(cheap.computations == 2 && dear.computations == 3, "a check without a verifier computes as much")
        #expect(PasswordHasher.Cost.standard == .init(passes: 3, memoryBytes: 64 << 20))
    }
}
