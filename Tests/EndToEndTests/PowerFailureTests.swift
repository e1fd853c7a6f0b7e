import CanonicalJSON
import Foundation
import ServerFixtures
import Synchronization
import Testing

/// `kill -9` at the worst moment, and what must be true after it.
@Suite("Power failure", .serialized, .timeLimit(.minutes(10)))
struct PowerFailureTests {
    private struct SignedUp: Sendable {
        let email: String
        let key: String
    }

    /// What the server acknowledged while it was alive.
    private final class Acknowledged: Sendable {
        private let signedUp = Mutex<[SignedUp]>([])

        var all: [SignedUp] { signedUp.withLock { $0 } }

        /// - Returns: how many there are now.
        func add(_ one: SignedUp) -> Int {
            signedUp.withLock {
                $0.append(one)
                return $0.count
            }
        }
    }

    private static let rounds = 20
    private static let callers = 8

    @Test(
        "killed twenty times under concurrent sign-ups, the server has every one that it acknowledged, and audit passes"
    )
    func acknowledgedSignUpsSurvive() async throws {
        let directory = try TemporaryDirectory()
        var known: [SignedUp] = []
        var generator = SystemRandomNumberGenerator()
        for round in 0..<Self.rounds {
            let server = try await ServerProcess.start(in: directory, ["--log-level", "warning"])
            let count = Int.random(in: 1...120, using: &generator)
            let fresh = try await signUpUntilKilled(server, round: round, after: count)
            #expect(fresh.count >= count)
            try directory.expectCleanAudit("after round \(round)")
            let next = try await ServerProcess.start(in: directory, ["--log-level", "warning"])
            // The newest of all earlier rounds, and everything of this one.
            try await expectAll(fresh + known.suffix(20), at: next, round: round)
            known += fresh
            await next.kill9()
            try directory.expectCleanAudit("after the check of round \(round)")
        }
        let server = try await ServerProcess.start(in: directory)
        try await expectAll(known, at: server, round: Self.rounds)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after a clean stop")
        let created = try directory.lines().count { $0.contains(#""type":"customer.created""#) }
        #expect(created >= known.count)
        print("acknowledged sign-ups: \(known.count), in the log: \(created)")
    }

    /// Signs up from many callers at once and kills the server, at whatever it is doing then, as soon as `count` sign-ups
    /// are acknowledged.
    private func signUpUntilKilled(_ server: ServerProcess, round: Int, after count: Int) async throws -> [SignedUp] {
        let acknowledged = Acknowledged()
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.callers {
                group.addTask {
                    for number in 0... {
                        let email = "r\(round)c\(caller)n\(number)@company.com"
                        do {
                            let answer = try await server.send("POST", "/v1/signup", ["email": .string(email)])
                            guard answer.status == 201, let key = answer["api_key"]?.string else {
                                Issue.record("\(email): \(answer)")
                                return
                            }
                            guard acknowledged.add(SignedUp(email: email, key: key)) == count else { continue }
                            await server.kill9()
                            return
                        } catch { return }  // The server is gone: this one was never acknowledged.
                    }
                }
            }
        }
        return acknowledged.all
    }

    private func expectAll(_ signedUp: [SignedUp], at server: ServerProcess, round: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for slice in stride(from: 0, to: signedUp.count, by: 64) {
                for one in signedUp[slice..<min(slice + 64, signedUp.count)] {
                    group.addTask {
                        let answer = try await server.send("GET", "/v1/customers/me", key: one.key)
                        #expect(answer["email"]?.string == one.email, "round \(round): \(answer)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(
        "sessions that were alive at a kill are expired_unclean right after the restart, and nothing of them is left",
        .enabled(if: Isolation.isAvailable))
    func liveSessions() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        let (idle, busy) = (try await server.createSession(key), try await server.createSession(key))
        let running = Task {
            try await server.execute("head -c 100000 /dev/urandom > secret; sleep 300 & sleep 300", in: busy, key: key)
        }
        try await server.waitFor("executing", of: busy, key: key)
        let cgroups = try SessionTraces.cgroups(of: directory)
        let processes = try server.descendants()
        #expect(cgroups.count >= 2, "the sessions have cgroups while they live")
        #expect(processes.count >= 4, "the sessions have processes while they live: \(processes)")
        await server.kill9()
        _ = await running.result

        let next = try await ServerProcess.start(in: directory)
        for session in [idle, busy] {
            let answer = try await next.send("GET", "/v1/sessions/\(session)", key: key)
            #expect(answer["status"] == "expired_unclean", "\(answer)")
            #expect(try await next.send("GET", "/v1/proofs/\(session)", key: key).status == 404)
            #expect(try await next.execute("true", in: session, key: key).status == 409)
        }
        #expect(try await next.send("GET", "/v1/customers/me", key: key)["sessions_used"] == 0)
        #expect(try SessionTraces.cgroups(of: directory) == [], "cgroups of dead sessions are left")
        #expect(processes.filter { SessionTraces.isAlive($0) } == [], "processes of dead sessions are left")
        for pid in processes { #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)/root/workspace")) }
        #expect(try SessionTraces.mounts() == [], "a session's file system is mounted in the host's namespace")
        _ = try await next.createSession(key)
        #expect(await next.stop() == 0)
        try directory.expectCleanAudit("after the restart")
    }
}
