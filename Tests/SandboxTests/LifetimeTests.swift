import Foundation
import Glibc
import Merkle
import Proofs
import Testing

@testable import Sandbox

@Suite("Lifetimes", .enabled("sandboxes work here", SandboxFixture.isAvailable), .serialized, .timeLimit(.minutes(10)))
struct LifetimeTests {
    @Test("A ready environment serves one session, with that session's limits and a name of its own")
    func warm() async throws {
        try await SandboxFixture.withHost({ $0.warmPoolSize = 2 }) { host in
            while host.warmCount < 2 { try await Task.sleep(for: .milliseconds(2)) }
            var specification = SandboxFixture.specification()
            specification.workspaceBytes = 24 << 20
            let first = try await host.create(specification)
            let second = try await host.create(SandboxFixture.specification())
            #expect(first.raw.identity != second.raw.identity)
            let names = (try await first.shell("hostname").text, try await second.shell("hostname").text)
            #expect(names.0 != names.1)
            let size = try await first.shell("stat -f -c '%b %S' /workspace | { read b s; echo $((b*s)); }")
            #expect(size.text == "\(24 << 20)\n")
            #expect(first.raw.cgroup?.measuredLimits().memoryBytes == specification.memoryBytes)
            #expect(try await first.destroy().fileSystem.sizeBytes == 24 << 20)
            _ = try await second.destroy()
        }
    }

    @Test("What a dead server left is removed when the next one starts")
    func leftovers() async throws {
        let directory = SandboxFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let configuration = try SandboxFixture.configuration(directory)
        let dead = try SandboxHost(configuration: configuration, logger: SandboxFixture.quiet)
        var environments: [SessionEnvironment] = []
        for _ in 0..<3 { environments.append(try await dead.create(SandboxFixture.specification())) }
        _ = try await environments[0].shell("sleep 1000 > /dev/null 2>&1 &")
        // A server cannot start beside a living one...
        #expect(throws: SandboxError.self) {
            try SandboxHost(configuration: configuration, logger: SandboxFixture.quiet)
        }
        // ...and dies here: the lock goes, and with its spawner thread every bubblewrap.
        dead.stateLock.close()
        dead.launcher.spawner.end()
        let next = try SandboxHost(configuration: configuration, logger: SandboxFixture.quiet)
        #expect(next.leftovers.environments == 3)
        #expect(next.leftovers.notRemoved == [])
        let traces = Traces.count(next)
        #expect(traces.cgroups == 0 && traces.processes == 0)
        for environment in environments {
            var incidents = environment.incidents.makeAsyncIterator()
            #expect(await incidents.next() == .died)
            // All that it held is gone, and whoever still asks is told so.
            await #expect(throws: SandboxError.self) { try await environment.shell("true") }
            environment.raw.abandon()
        }
        await next.shutdown()
    }

    @Test("An environment whose init was killed is destroyed with its evidence all the same")
    func initKilled() async throws {
        try await SandboxFixture.withEnvironment { environment in
            _ = try await environment.shell("head -c 50000 /dev/urandom > f")
            kill(environment.raw.initPid, SIGKILL)
            var incidents = environment.incidents.makeAsyncIterator()
            #expect(await incidents.next() == .died)
            await #expect(throws: SandboxError.self) { try await environment.shell("true") }
            let evidence = try await environment.destroy()
            #expect(evidence.fileSystem.bytes == 13 * 4_096)
            #expect(evidence.isolation.processesAfter == 0)
        }
    }

    @Test(
        "Without cgroups, as for an ordinary user without any: processes are counted all the same, and all of them end")
    func withoutCgroups() async throws {
        let mark = "87\(Int.random(in: 100_000...999_999))"
        try await SandboxFixture.withHost({ $0.leftOutLayers = [.cgroupLimits] }) { host in
            let environment = try await host.create(SandboxFixture.specification())
            #expect(environment.raw.cgroup == nil)
            let quiet = "> /dev/null 2>&1 &"
            _ = try await environment.shell("sleep \(mark) \(quiet) setsid sleep \(mark) \(quiet)")
            while ExhaustionTests.hostProcesses(mark).count < 2 { try await Task.sleep(for: .milliseconds(5)) }
            let evidence = try await environment.destroy()
            #expect(evidence.isolation.layersMissing == ["cgroup_limits"])
            // init and two that sleep, and perhaps the process that waits to become the next command.
            #expect((3...4).contains(evidence.isolation.processesBefore))
            #expect(evidence.isolation.processesAfter == 0)
            #expect(ExhaustionTests.hostProcesses(mark) == [])
            #expect(host.exhaustedWaits == 0)
        }
    }

    @Test("A destruction under a running command ends the command first")
    func destroyWhileRunning() async throws {
        try await SandboxFixture.withEnvironment { environment in
            async let running = environment.shell("while :; do echo x >> f; done")
            while try await environment.files().isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            let evidence = try await environment.destroy()
            #expect(evidence.overwrite.mismatches == 0)
            let result = try await running
            #expect(result.signal == 9)
            await #expect(throws: SandboxError.self) { try await environment.shell("true") }
            await #expect(throws: DestructionFailure.self) { try await environment.destroy() }
        }
    }
}
