import Foundation
import Proofs
import Testing

@testable import Sandbox

/// Many sessions, and then as much on the machine as before.
@Suite("Nothing is left", .enabled("sandboxes work here", SandboxFixture.isAvailable), .serialized)
struct NothingLeftTests {
    @Test("Five hundred sessions in a row never fail and leave nothing", .timeLimit(.minutes(10)))
    func fiveHundredInARow() async throws {
        try await Self.expectNothingLeft(sessions: 500) { host in
            for number in 0..<500 { try await Self.live(number, daemon: "", on: host) }
        }
    }

    @Test("Fifty sessions at once, some from the warm pool, leave nothing", .timeLimit(.minutes(10)))
    func fiftyAtOnce() async throws {
        try await Self.expectNothingLeft(sessions: 50, warmPoolSize: 4) { host in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 { group.addTask { try await Self.live(number, on: host) } }
                try await group.waitForAll()
            }
        }
    }

    /// A session with a file and, unless told otherwise, a process that would outlive it.
    private static func live(
        _ number: Int, daemon: String = "sleep 99 > /dev/null 2>&1 & ", on host: SandboxHost
    ) async throws {
        let environment = try await host.create(SandboxFixture.specification())
        let result = try await environment.shell("echo \(number) > f; \(daemon)cat f")
        #expect(result.text == "\(number)\n")
        let evidence = try await environment.destroy()
        #expect(evidence.fileSystem.files == 1)
        #expect(evidence.isolation.processesAfter == 0)
    }

    /// Counts before and after `body`: after two sessions that made what a host makes once.
    private static func expectNothingLeft(
        sessions: Int, warmPoolSize: Int = 0, _ body: (SandboxHost) async throws -> Void
    ) async throws {
        let directory = SandboxFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await SandboxFixture.withHost({
            $0.stateDirectory = directory
            $0.warmPoolSize = warmPoolSize
        }) { host in
            for number in 0..<2 { try await live(number, on: host) }
            let count = { try await settled(host, directory, warmPoolSize: warmPoolSize) }
            var lives = try await Lives(body, sessions: sessions, on: host, count: count)
            // Other tests of this process open and start things too, and end them; what a session leaves it leaves again.
            for _ in 0..<2 where !lives.leftNothing {
                lives = try await Lives(body, sessions: sessions, on: host, count: count)
            }
            #expect(lives.leftNothing, "\(lives.before), then \(lives.after)")
        }
    }

    private static func settled(_ host: SandboxHost, _ directory: String, warmPoolSize: Int) async throws -> Traces {
        while host.warmCount < warmPoolSize { try await Task.sleep(for: .milliseconds(2)) }
        return Traces.count(host, stateDirectory: directory)
    }

    /// What was there before and after some sessions lived.
    private struct Lives {
        let before: Traces
        let after: Traces
        let sessions: Int

        init(
            _ body: (SandboxHost) async throws -> Void, sessions: Int, on host: SandboxHost,
            count: () async throws -> Traces
        ) async throws {
            let before = try await count()
            try await body(host)
            // What works behind an answer (the next command's process, the pool) may still be at it for a moment.
            var after = try await count()
            for _ in 0..<500 where !after.isSame(as: before) {
                try await Task.sleep(for: .milliseconds(10))
                after = try await count()
            }
            (self.before, self.after, self.sessions) = (before, after, sessions)
        }

        /// Descriptors and children are this whole process's, other tests' included: less than one for each session.
        var leftNothing: Bool {
            after.isSame(as: before) && after.descriptors - before.descriptors < sessions
                && after.children - before.children < sessions
        }
    }
}
