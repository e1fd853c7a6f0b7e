import CanonicalJSON
import Foundation
import HTTPTypes
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API
@testable import Sandbox

/// What happens to sessions when several things happen to them.
@Suite("The life of a session", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct SessionLifeTests {
    @Test("a time to live outside the plan is a 400 that names it; within, it is what was asked for")
    func timeToLive() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                for seconds: Int64 in [0, -1, 301, 9_007_199_254_740_991] {
                    let answer = try await server.send(
                        .post, "/v1/sessions", key: key, ["ttl_seconds": .integer(seconds)])
                    #expect(answer.status == 400, "\(seconds): \(answer)")
                    #expect(answer["field"] == "ttl_seconds")
                }
            }
            let answer = try await server.send(.post, "/v1/sessions", key: key, ["ttl_seconds": 7])
            #expect(answer["ttl_seconds"] == 7)
        }
    }

    @Test("of forty sessions asked for at once on a plan with three, three are made and the others get 429")
    func concurrentCreations() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await server.send(.post, "/v1/sessions", key: key, [:]).status }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 3, 429: 37])
            #expect(server.server.sessions.count == 3)
            let answer = try await server.send(.post, "/v1/sessions", key: key, [:])
            #expect(answer["error"] == "RateLimited")
            #expect(answer.headers["retry-after"].flatMap { Int($0) } != nil)
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["sessions_used"] == 3)
        }
    }

    @Test("a second command while one runs gets 409 and leaves no trace; the first one's answer is its own")
    func oneCommandAtATime() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            async let first = server.execute(
                "echo begun > begun; while [ ! -e go ]; do sleep 0.02; done; echo done", in: session, key: key)
            #expect(try await server.waitFor([.executing], of: session) == .executing)
            try await server.expectStillness {
                let second = try await server.execute("echo other > other", in: session, key: key)
                #expect(second.status == 409, "\(second)")
                #expect(second["error"] == "Conflict")
            }
            try await server.environment(of: session).writeFile("go", bytesMax: 16).close()
            #expect(try await first["stdout"] == "done\n")
            #expect(try await server.execute("ls", in: session, key: key)["stdout"]?.string?.contains("other") == false)
        }
    }

    @Test("DELETE twice gives the same answer, and so do eight at once")
    func destroyAgain() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let first = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            #expect(first.status == 200)
            try await server.expectStillness {
                let again = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
                #expect(again.status == 200)
                #expect(again.body == first.body)
            }
            for _ in 0..<5 {
                let session = try await server.createSession(key)
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for _ in 0..<8 {
                        group.addTask { try await server.send(.delete, "/v1/sessions/\(session)", key: key) }
                    }
                    return try await group.reduce(into: [Answer]()) { $0.append($1) }
                }
                #expect(
                    answers.allSatisfy { $0.status == 200 }, "\(answers.first { $0.status != 200 }?.description ?? "")")
                #expect(Set(answers.map(\.body)).count == 1)
            }
        }
    }

    @Test("a session destroyed under a running command: the command ends with 409, the proof is clean and counts it")
    func destroyWhileExecuting() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            async let running = server.execute(
                "head -c 1000000 /dev/urandom > f; sleep 60 & sleep 60", in: session, key: key)
            #expect(try await server.waitFor([.executing], of: session) == .executing)
            let ended = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            #expect(ended.status == 200, "\(ended)")
            #expect(ended["cdp"]?["evidence"]?.array?.last?["document"]?["exec_count"] == 1)
            let interrupted = try await running
            #expect(interrupted.status == 409, "\(interrupted)")
            let verified = try await server.send(.post, "/v1/verify", ended["cdp"] ?? .null)
            #expect(verified["valid"] == true, "\(verified)")
            let late = try await server.execute("true", in: session, key: key)
            #expect(late.status == 409)
        }
    }

    @Test("commands that begin while a session is being destroyed never cost it its proof")
    func executeWhileDestroying() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            for _ in 0..<20 {
                let session = try await server.createSession(key)
                let ended = try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            for _ in 0..<10 {
                                let status = try await server.execute("true", in: session, key: key).status
                                #expect([200, 409].contains(status))
                            }
                        }
                    }
                    let ended = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
                    try await group.waitForAll()
                    return ended
                }
                #expect(ended.status == 200, "\(ended)")
            }
        }
    }

    @Test("when its time is over, a session ends by itself with a proof whose trigger is ttl")
    func expiry() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            _ = try await server.execute("echo data > file", in: session, key: key)
            server.clock.advance(seconds: 299)
            await server.server.sessions.endDue()
            #expect(try await server.status(of: session, key: key) == "active")
            server.clock.advance(seconds: 1)
            await server.server.sessions.endDue()
            #expect(try await server.status(of: session, key: key) == "expired")
            let proof = try await server.send(.get, "/v1/proofs/\(session)", key: key)
            #expect(proof.trigger == "ttl", "\(proof)")
            #expect(proof["destroyed_at"] == "2026-03-01T14:05:00Z")
            let again = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            #expect(again.status == 200)
            #expect(again["status"] == "expired")
        }
    }

    @Test("a destruction that does not measure clean is a 500 that names the step; the session is expired_unclean")
    func failedDestruction() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            _ = try await server.execute("echo data > file", in: session, key: key)
            // A descriptor that somebody in this process still holds on the session's file system: step 2 must see it.
            let environment = try server.environment(of: session)
            let held = try #require(
                FileHandle(forReadingAtPath: "/proc/\(environment.raw.initPid)/root/workspace/file"))
            let answer = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            withExtendedLifetime(held) {}
            #expect(answer.status == 500, "\(answer)")
            #expect(answer["error"] == "InternalError")
            #expect(answer["message"]?.string?.contains("step 2") == true)
            #expect(try await server.status(of: session, key: key) == "expired_unclean")
            #expect(try await server.send(.get, "/v1/proofs/\(session)", key: key).status == 404)
            let again = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            #expect(again.status == 409, "\(again)")
            // It no longer counts.
            #expect(try await server.send(.get, "/v1/customers/me", key: key)["sessions_used"] == 0)
        }
    }

    @Test("a session that runs out of memory ends with a proof whose trigger is oom")
    func outOfMemory() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            // Fills memory without filling the workspace: tail keeps a line that never ends. The shell itself would end
            // with 0.
            let answer = try await server.execute(
                "head -c 600000000 /dev/zero | tail -n 1 > /dev/null; echo $?", in: session, key: key)
            #expect(answer.status == 200, "\(answer)")
            #expect(answer["out_of_memory"] == true && answer["exit_code"] == 137, "\(answer)")
            #expect(try await server.waitFor([.destroyed, .expiredUnclean], of: session) == .destroyed)
            #expect(try await server.send(.get, "/v1/proofs/\(session)", key: key).trigger == "oom")
        }
    }

    @Test("a session whose init dies is expired_unclean: no proof gives a reason that nobody knows")
    func initDies() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let environment = try server.environment(of: session)
            kill(environment.raw.initPid, SIGKILL)
            #expect(try await server.waitFor([.destroyed, .expiredUnclean], of: session) == .expiredUnclean)
            #expect(try await server.send(.get, "/v1/proofs/\(session)", key: key).status == 404)
            #expect(try await server.execute("true", in: session, key: key).status == 409)
        }
    }

    @Test("a key revoked while its command runs: the result is recorded, the next request is refused")
    func revokedWhileExecuting() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let worker = try await server.issueKey(key, ["name": "worker"])
            let session = try await server.createSession(worker.text)
            async let running = server.execute("sleep 0.5; echo done", in: session, key: worker.text)
            #expect(try await server.waitFor([.executing], of: session) == .executing)
            #expect(try await server.send(.delete, "/v1/api-keys/\(worker.id)", key: key).status == 200)
            #expect(try await server.execute("true", in: session, key: worker.text).status == 401)
            #expect(try await running["stdout"] == "done\n")
            #expect(try await server.status(of: session, key: key) == "active")
            #expect(try await server.send(.delete, "/v1/sessions/\(session)", key: key).status == 200)
        }
    }

    @Test("a stop refuses new sessions and commands, ends what runs, and leaves a proof of every session")
    func stop() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let (idle, busy) = (try await server.createSession(key), try await server.createSession(key))
            async let running = server.execute("sleep 60", in: busy, key: key)
            #expect(try await server.waitFor([.executing], of: busy) == .executing)
            await server.server.sessions.stop(patience: .milliseconds(50))
            let interrupted = try await running
            #expect(interrupted.status == 409, "\(interrupted)")
            for session in [idle, busy] {
                #expect(try await server.send(.get, "/v1/proofs/\(session)", key: key).trigger == "shutdown")
            }
            let refused = try await server.send(.post, "/v1/sessions", key: key, [:])
            #expect(refused.status == 503)
            #expect(refused["error"] == "Unavailable")
        }
    }

    @Test("no session ends up between two servers' lives: what is asked for during a stop is refused or destroyed")
    func createWhileStopping() async throws {
        try await TestServer.with(isolating: true) { server in
            var keys: [String] = []
            for number in 0..<4 { keys.append(try await server.signUp("you\(number)@company.com")) }
            let callers = keys
            try await withThrowingTaskGroup(of: Void.self) { group in
                for key in callers {
                    group.addTask {
                        for _ in 0..<3 {
                            let status = try await server.send(.post, "/v1/sessions", key: key, [:]).status
                            #expect([201, 503].contains(status))
                        }
                    }
                }
                group.addTask { await server.server.sessions.stop(patience: .zero) }
                try await group.waitForAll()
            }
            #expect(server.server.sessions.count == 0)
            #expect(server.server.ledger.read { $0.liveSessions.isEmpty })
        }
    }
}

extension Answer {
    /// Why the session of a proof ended.
    var trigger: JSONValue? { self["evidence"]?.array?.last?["document"]?["trigger"] }
}

extension TestServer {
    /// The environment of a live session.
    func environment(of session: String) throws -> SessionEnvironment {
        try server.sessions.environment(of: try #require(SessionID(session))).environment
    }
}
