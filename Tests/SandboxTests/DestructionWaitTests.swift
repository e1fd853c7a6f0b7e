import CLinux
import Foundation
import Proofs
import Testing

@testable import Sandbox

/// A destruction that meets a session at work never waits in vain: no wait of its runs into its patience of seconds.
@Suite(
    "Destructions do not wait in vain", .enabled("sandboxes work here", SandboxFixture.isAvailable),
    .timeLimit(.minutes(10)))
struct DestructionWaitTests {
    @Test("Right after a command's end, while the process of the next command is being made")
    func afterNaturalEnd() async throws {
        try await SandboxFixture.withHost { host in
            for _ in 0..<40 {
                let environment = try await host.create(SandboxFixture.specification())
                _ = try await environment.execute(ExecRequest(.arguments(["true"])))
                #expect(try await environment.destroy().isolation.processesAfter == 0)
            }
            #expect(host.exhaustedWaits == 0)
        }
    }

    @Test("While processes are on their way into the session's cgroups, which are stopped and killed already")
    func processesUnderWay() async throws {
        try await SandboxFixture.withHost { host in
            for _ in 0..<20 {
                let environment = try await host.create(SandboxFixture.specification())
                // Asked for and not waited for: init forks them while the destruction is under way.
                var under: [PreparedProcess] = []
                for _ in 0..<8 { under.append(try PreparedProcess(environment.raw.channel, environment.raw.cgroup)) }
                #expect(try await environment.destroy().isolation.processesAfter == 0)
                withExtendedLifetime(under) {}
            }
            #expect(host.exhaustedWaits == 0)
        }
    }

    @Test("With background processes, sleeping and at work, ignoring every signal that can be ignored")
    func background() async throws {
        try await SandboxFixture.withHost { host in
            for _ in 0..<10 {
                let environment = try await host.create(SandboxFixture.specification())
                let command = """
                    sleep 1000 > /dev/null 2>&1 &
                    (trap '' TERM HUP INT; while :; do echo x >> f; done) > /dev/null 2>&1 &
                    setsid sleep 1000 > /dev/null 2>&1 &
                    """
                _ = try await environment.shell(command)
                #expect(try await environment.destroy().isolation.processesAfter == 0)
            }
            #expect(host.exhaustedWaits == 0)
        }
    }

    @Test("A wait that does run out is counted: a file that is held keeps the session's memory from being free")
    func counted() async throws {
        try await SandboxFixture.withHost { host in
            let environment = try await host.create(SandboxFixture.specification())
            _ = try await environment.shell("head -c 20000 /dev/urandom > f")
            let kept = try environment.open("f", flags: NRX_OPEN_READ.rawValue)
            await #expect(throws: DestructionFailure.self) { try await environment.destroy() }
            #expect(host.exhaustedWaits > 0)
            kept.close()
        }
    }
}
