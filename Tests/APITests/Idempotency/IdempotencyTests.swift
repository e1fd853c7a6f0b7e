import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Ledger
import Merkle
import ServerFixtures
import Testing

@testable import API

@Suite("Idempotency-Key", .serialized, .timeLimit(.minutes(10)))
struct IdempotencyTests {
    private static let uuid = "7b0a1f5e-3c55-4b0e-9d0e-52e0c7e7a111"

    @Test("every POST says what it does about an idempotency key, and only what creates nothing may do without")
    func everyPostDeclares() async throws {
        try await TestServer.with { server in
            for route in server.server.routes where route.method == .post {
                let rule = try #require(route.idempotency, "\(route.name) declares no rule")
                #expect((rule == .notNeeded) == Self.createsNothing.contains(route.name), "\(route.name)")
            }
        }
    }

    /// Checks, or changes of what is there whose repeat does no harm or is refused by itself.
    private static let createsNothing: Set = [
        "POST /v1/verify", "POST /v1/auth/login", "POST /v1/auth/refresh", "POST /v1/auth/logout",
        "POST /v1/auth/password", "POST /v1/auth/password/reset", "POST /v1/invitations/accept",
        "POST /v1/billing/webhook", "POST /api/auth/login", "POST /api/auth/refresh", "POST /auth/login",
        // Refused always, or of an instance that is there already.
        "POST /api/v1/servers", "POST /api/workspaces/:id/snapshots", "POST /api/v1/instances/:id/start",
        "POST /api/v1/instances/:id/stop", "POST /api/v1/instances/:id/restart",
        // What a repeat does is up to the server inside.
        "POST /api/workspaces/:id/proxy/:port", "POST /api/workspaces/:id/proxy/:port/**",
    ]

    @Test("API keys: made or rotated once, the secret shown again to the holder of the idempotency key alone")
    func apiKeys() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            func post(_ path: String, _ body: String, _ idempotencyKey: String = Self.uuid) async throws -> Answer {
                try await server.send(
                    .post, path, key: key, headers: [("Idempotency-Key", idempotencyKey)], bytes: Array(body.utf8))
            }
            let made = try await post("/v1/api-keys", #"{"name":"one"}"#)
            #expect(made.status == 201, "\(made)")
            try await server.expectStillness {
                let again = try await post("/v1/api-keys", #"{"name":"one"}"#)
                #expect(again.body == made.body)
                let other = try await post("/v1/api-keys", #"{"name":"two"}"#)
                #expect(other.status == 409)
                let short = try await post("/v1/api-keys", #"{"name":"one"}"#, "short")
                #expect(short.status == 400)
            }
            let id = try #require(made["id"]?.string)
            let another = "another-" + Self.uuid
            let rotated = try await post("/v1/api-keys/\(id)/rotate", "{}", another)
            #expect(rotated.status == 200, "\(rotated)")
            let again = try await post("/v1/api-keys/\(id)/rotate", "{}", another)
            #expect(again.body == rotated.body)
            let secret = try #require(rotated["api_key"]?.string)
            #expect(try await server.send(.get, "/v1/customers/me", key: secret).status == 200)
            #expect(
                try await server.send(.get, "/v1/customers/me", key: try #require(made["api_key"]?.string)).status
                    == 401)
        }
    }

    @Test(
        "sign-up: the same request again gets the first answer byte for byte, key and all, and makes no second customer"
    )
    func signUp() async throws {
        try await TestServer.with { server in
            let first = try await server.signUp(Self.uuid, #"{"email":"you@company.com"}"#)
            #expect(first.status == 201)
            try await server.expectStillness {
                for body in [#"{"email":"you@company.com"}"#, #"{ "email" : "you@company.com" }"#] {
                    let again = try await server.signUp(Self.uuid, body)
                    #expect(again.status == 201)
                    #expect(again.body == first.body)
                    #expect(again.headers["content-type"] == first.headers["content-type"])
                }
                let other = try await server.signUp(Self.uuid, #"{"email":"other@company.com"}"#)
                #expect(other.status == 409)
                #expect(other["error"] == "Conflict")
                #expect(other["message"]?.string?.contains("Idempotency-Key") == true)
                let taken = try await server.signUp(UUID().uuidString, #"{"email":"you@company.com"}"#)
                #expect(taken.status == 409)
                #expect(taken["message"]?.string?.contains("registered already") == true)
            }
            let key = try #require(first["api_key"]?.string)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["email"] == "you@company.com")
        }
    }

    @Test("neither the idempotency key, nor the answer's secret, nor a plain hash of key or request is in the log")
    func nothingInTheLog() async throws {
        try await TestServer.with { server in
            let body = #"{"email":"you@company.com"}"#
            let secret = try #require(try await server.signUp(Self.uuid, body)["api_key"]?.string)
            let events = try await server.server.log.read(from: 0)
            #expect(events.contains { $0.event.type == IdempotencyRecorded.type })
            let text = events.map { String(decoding: $0.event.line(at: $0.sequence), as: UTF8.self) }.joined()
            for part in [
                Self.uuid, secret, String(secret.dropFirst(14)), Hash(of: Array(Self.uuid.utf8)).hex,
                Hash(of: Array(body.utf8)).hex, Data(secret.utf8).base64EncodedString(),
            ] { #expect(!text.contains(part)) }
        }
    }

    @Test("a sealed answer opens only for the same key, the same caller, the same request and the same vault")
    func sealing() throws {
        let vault = IdempotencySecrets(vaultSecret: Array(repeating: 1, count: 32))
        func request(_ secrets: IdempotencySecrets, _ key: String, _ scope: String, _ body: String) throws
            -> IdempotentRequest
        {
            secrets.request(
                try IdempotencyKey(key, opensSecret: false), scope: scope, request: "POST /x", body: Array(body.utf8))
        }
        let first = try request(vault, "k", "a", "{}")
        var answer = APIResponse.json(["api_key": "nrx_live_…"], status: 201)
        answer.headers = [("Location", "/v1/x")]
        let box = try #require(first.seal(answer))
        let opened = try #require(try request(vault, "k", "a", "{ }").open(box))
        #expect(opened.status == 201)
        #expect(opened.body == answer.body)
        #expect(opened.contentType == answer.contentType)
        #expect(opened.headers.map(\.name) == ["Location"])
        let otherVault = IdempotencySecrets(vaultSecret: Array(repeating: 2, count: 32))
        for other in [
            try request(vault, "K", "a", "{}"), try request(vault, "k", "b", "{}"),
            try request(otherVault, "k", "a", "{}"),
        ] {
            #expect(other.open(box) == nil)
            #expect(other.keySHA256 != first.keySHA256)
            #expect(other.requestSHA256 != first.requestSHA256)
        }
        let otherBody = try request(vault, "k", "a", #"{"a":1}"#)
        #expect(otherBody.keySHA256 == first.keySHA256)
        #expect(otherBody.requestSHA256 != first.requestSHA256)
        #expect(otherBody.open(box) == nil)
        #expect(first.open(String(box.dropLast(4))) == nil)
    }

    @Test(
        "a key that is empty, too long or not visible ASCII is a 400, and one that could be guessed where it opens a secret",
        arguments: [
            "", "two words", "ä", "tab\t", String(repeating: "k", count: 256), String(repeating: "k", count: 31),
        ])
    func invalidKey(key: String) async throws {
        try await TestServer.with { server in
            try await server.expectStillness {
                let answer = try await server.signUp(key, #"{"email":"you@company.com"}"#)
                #expect(answer.status == 400, "\(answer)")
                #expect(answer["message"]?.string?.contains("Idempotency-Key") == true)
            }
        }
    }

    @Test("what failed without an effect is not remembered: corrected, the same key serves")
    func failures() async throws {
        try await TestServer.with { server in
            let refused = try await server.signUp(Self.uuid, #"{"email":"you"}"#)
            #expect(refused.status == 400)
            let done = try await server.signUp(Self.uuid, #"{"email":"you@company.com"}"#)
            #expect(done.status == 201)
        }
    }

    @Test("after 24 hours, and not before, the key stands for nothing any more")
    func oneDay() async throws {
        try await TestServer.with { server in
            let first = try await server.signUp(Self.uuid, #"{"email":"a@company.com"}"#)
            server.clock.advance(seconds: 86_399)
            #expect(try await server.signUp(Self.uuid, #"{"email":"a@company.com"}"#).body == first.body)
            #expect(try await server.signUp(Self.uuid, #"{"email":"b@company.com"}"#).status == 409)
            server.clock.advance(seconds: 1)
            let second = try await server.signUp(Self.uuid, #"{"email":"b@company.com"}"#)
            #expect(second.status == 201)
            #expect(try await server.signUp(Self.uuid, #"{"email":"b@company.com"}"#).body == second.body)
            #expect(try await server.signUp(Self.uuid, #"{"email":"a@company.com"}"#).status == 409)
        }
    }

    @Test("forty of the same at once: one effect; whoever gets an answer gets the same, the rest are told to come back")
    func parallel() async throws {
        try await TestServer.with { server in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await server.signUp(Self.uuid, #"{"email":"you@company.com"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let done = answers.filter { $0.status == 201 }
            #expect(!done.isEmpty)
            #expect(Set(done.map(\.body)).count == 1)
            for answer in answers where answer.status != 201 {
                #expect(answer.status == 409, "\(answer)")
                #expect(answer.headers["retry-after"] == "1")
            }
            let created = try await server.server.log.read(from: 0).count { $0.event.type == CustomerCreated.type }
            #expect(created == 1)
        }
    }

    @Test(
        "sessions: one for one key, another customer's same key is another, and a repeat shows the first answer even later",
        .enabled(if: Isolation.isAvailable))
    func sessions() async throws {
        try await TestServer.with(isolating: true) { server in
            let (one, two) = (try await server.signUp(), try await server.signUp("two@company.com"))
            func create(_ key: String, _ body: String = "{}") async throws -> Answer {
                try await server.send(
                    .post, "/v1/sessions", key: key, headers: [("Idempotency-Key", "1")], bytes: Array(body.utf8))
            }
            let first = try await create(one)
            #expect(first.status == 201)
            let other = try await create(two)
            #expect(other.status == 201)
            #expect(other["session_id"] != first["session_id"])
            try await server.expectStillness {
                let again = try await create(one)
                #expect(again.body == first.body)
                let other = try await create(one, #"{"data_classification":"PHI"}"#)
                #expect(other.status == 409)
            }
            let id = try #require(first["session_id"]?.string)
            _ = try await server.send(.delete, "/v1/sessions/\(id)", key: one)
            try await server.expectStillness {
                let late = try await create(one)
                #expect(late.body == first.body)
            }
            #expect(try await server.send(.get, "/v1/customers/me", key: one)["sessions_used"] == 0)
        }
    }

    @Test(
        "exec: the command runs once; the repeat gets its output, until the session ends: then it is a 409 and not run",
        .enabled(if: Isolation.isAvailable),
        arguments: ["application/json", "text/event-stream"])
    func exec(accept: String) async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            func run(_ body: String = #"{"command":"echo once >> file; head -c 16 /dev/urandom | sha256sum"}"#)
                async throws -> Answer
            {
                try await server.send(
                    .post, "/v1/sessions/\(id)/exec", key: key,
                    headers: [("Idempotency-Key", "e"), ("Accept", accept)],
                    bytes: Array(body.utf8))
            }
            let first = try await run()
            #expect(first.status == 200, "\(first)")
            let again = try await run()
            #expect(again.body == first.body)
            #expect(again.headers["content-type"] == first.headers["content-type"])
            #expect(try await run(#"{"command":"true"}"#).status == 409)
            #expect(try await server.execute("cat file", in: id, key: key)["stdout"] == "once\n")
            let events = try await server.server.log.read(from: 0)
            let output = try #require(first.text.firstMatch(of: /([0-9a-f]{64})  -/).map { String($0.1) })
            for event in events {
                #expect(!String(decoding: event.event.line(at: 0), as: UTF8.self).contains(output))
            }
            _ = try await server.send(.delete, "/v1/sessions/\(id)", key: key)
            try await server.expectStillness {
                let late = try await run()
                #expect(late.status == 409)
                #expect(late["message"]?.string?.contains("not run again") == true, "\(late)")
            }
        }
    }

    @Test(
        "a command that could not be started is not remembered: corrected, the same key serves",
        .enabled(if: Isolation.isAvailable))
    func execThatNeverBegan() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let id = try await server.createSession(key)
            func run(_ directory: String) async throws -> Answer {
                try await server.send(
                    .post, "/v1/sessions/\(id)/exec", key: key, headers: [("Idempotency-Key", "e")],
                    bytes: Array(#"{"command":"pwd","cwd":"\#(directory)"}"#.utf8))
            }
            #expect(try await run("/nowhere").status == 400)
            #expect(try await run("/tmp")["stdout"] == "/tmp\n")
        }
    }

    @Test("a session keeps its newest answers up to a number of bytes")
    func boundedAnswers() {
        let answers = RememberedAnswers()
        let box = [UInt8](repeating: 0, count: RememberedAnswers.bytesMax / 4)
        let keys = (0..<6).map { Hash(of: [UInt8($0)]) }
        for key in keys { answers.add(box, key) }
        #expect(keys.map { answers.find($0) != nil } == [false, false, true, true, true, true])
    }
}

extension TestServer {
    fileprivate func signUp(_ idempotencyKey: String, _ body: String) async throws -> Answer {
        try await send(.post, "/v1/signup", headers: [("Idempotency-Key", idempotencyKey)], bytes: Array(body.utf8))
    }
}
