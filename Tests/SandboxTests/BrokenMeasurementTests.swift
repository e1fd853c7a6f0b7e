import CLinux
import Foundation
import Glibc
import Merkle
import Proofs
import Testing

@testable import Sandbox

/// Each measurement broken on purpose: the destruction must say exactly what is wrong, and give no evidence.
@Suite("Broken measurements", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct BrokenMeasurementTests {
    /// Destroys an environment in which `spoil` went wrong; returns what was found.
    static func findings(
        _ command: String = "head -c 20000 /dev/urandom > f", spoil: (SessionEnvironment) async throws -> Void
    ) async throws -> [String] {
        try await SandboxFixture.withEnvironment { environment in
            _ = try await environment.shell(command)
            try await spoil(environment)
            do {
                _ = try await environment.destroy()
                return []
            } catch {
                let failure = try #require(error as? DestructionFailure)
                return failure.findings.map { "\($0.step) \($0.measurement)" }
            }
        }
    }

    @Test("Without anything broken there is nothing to report")
    func control() async throws {
        #expect(try await Self.findings { _ in } == [])
    }

    @Test("A file that the server keeps open")
    func keptOpen() async throws {
        var kept: [Descriptor] = []
        // Large enough that the kernel brings its count of the group's memory up to date at once: of a few pages it learns
        // within two seconds.
        let found = try await Self.findings("head -c 2000000 /dev/urandom > f") { environment in
            kept.append(try environment.open("f", flags: NRX_OPEN_READ.rawValue))
        }
        #expect(found.contains("2 open_descriptors_after"))
        // Its memory is not free either.
        #expect(found.contains("2 shared memory of the session's cgroup"))
        kept.forEach { $0.close() }
    }

    @Test("A deleted file that is kept open: its blocks belong to no file")
    func deletedButOpen() async throws {
        var kept: [Descriptor] = []
        let found = try await Self.findings { environment in
            kept.append(try environment.open("f", flags: NRX_OPEN_READ.rawValue))
            try await environment.removeFile("f")
        }
        #expect(found.contains("2 blocks that belong to no file"))
        #expect(found.contains("2 open_descriptors_after"))
        kept.forEach { $0.close() }
    }

    @Test("A process that stays in one of the session's namespaces")
    func survivor() async throws {
        let process = Process()
        let found = try await Self.findings { environment in
            process.executableURL = URL(filePath: "/usr/bin/nsenter")
            process.arguments = ["--net=/proc/\(environment.raw.initPid)/ns/net", "sleep", "1000"]
            try process.run()
            let link = "/proc/\(process.processIdentifier)/ns/net"
            var status = stat()
            while stat(link, &status) != 0 || Int64(status.st_ino) != environment.raw.namespaces.net {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(found.first == "1 processes_after")
    }

    @Test("A process in the session's cgroup that is in none of its namespaces")
    func cgroupSurvivor() async throws {
        let process = Process()
        var left: CgroupDirectory?
        let found = try await Self.findings { environment in
            process.executableURL = URL(filePath: "/usr/bin/sleep")
            process.arguments = ["1000"]
            try process.run()
            // Beside init, where the kill of the session's work does not reach.
            left = environment.raw.cgroup?.whole
            let group = try #require(environment.raw.cgroup).whole.file("init/cgroup.procs")
            #expect(KernelFile.write("\(process.processIdentifier)", to: group) == 0)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        // The next start of a server with the same state directory would do this.
        let group = try #require(left)
        #expect(group.remove(timeoutMilliseconds: 1_000))
        rmdir(String(group.path.prefix(upTo: try #require(group.path.lastIndex(of: "/")))))
        #expect(found.contains("1 processes_after"))
        #expect(found.contains("1 cgroups left"))
    }

    @Test("A mount of the session's file system elsewhere on the machine")
    func mountLeft() async throws {
        let process = Process()
        let found = try await Self.findings { environment in
            // A process outside keeps a copy of the session's mounts in a mount namespace of its own.
            process.executableURL = URL(filePath: "/usr/bin/nsenter")
            process.arguments = [
                "--mount=/proc/\(environment.raw.initPid)/ns/mnt", "/usr/bin/unshare", "--mount", "sleep", "1000",
            ]
            try process.run()
            let pid = process.processIdentifier
            while KernelFile.read("/proc/\(pid)/comm") != "sleep\n" { try await Task.sleep(for: .milliseconds(2)) }
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(found.contains("2 present_after"))
        #expect(!found.contains("1 processes_after"))
    }

    @Test("A block that is written again after the passes, by whatever: the destruction reports it")
    func blockUnwiped() async throws {
        let found = try await SandboxFixture.withHost({
            $0.beforeComparing = { file in _ = pwrite(file, [1, 2, 0, 3] as [UInt8], 4, 5_000) }
        }) { host in
            let environment = try await host.create(SandboxFixture.specification())
            _ = try await environment.shell("head -c 20000 /dev/urandom > f")
            do {
                _ = try await environment.destroy()
                return [] as [String]
            } catch {
                let failure = try #require(error as? DestructionFailure)
                return failure.findings.map { "\($0.step) \($0.measurement): \($0.measured)" }
            }
        }
        #expect(found.first == "3 mismatches: 3")
        // The tree's root shows the block, too.
        #expect(found.count == 2 && found.last?.hasPrefix("6 merkle_root: ") == true, "\(found)")
    }

    @Test(
        "A block that is written again after the passes is counted byte by byte, and its hash is that of what is there")
    func blockLeft() async throws {
        let directory = SandboxFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = try Descriptor.open(directory + "/f", O_RDWR | O_CREAT, mode: 0o600)
        let size: UInt64 = 3 * 4_096
        var buffers = WipeBuffers()
        for pass in WipeBuffers.Pass.allCases { #expect(buffers.write(pass, to: file.number, 0..<size) == 3 * 4_096) }
        #expect(pwrite(file.number, [1, 2, 0, 3] as [UInt8], 4, 5_000) == 4)
        var report = WorkspaceWipe.Report()
        #expect(buffers.compare(file.number, 0..<size, into: &report))
        #expect(report.mismatches == 3)
        #expect(report.bytesCompared == 3 * 4_096)
        #expect(report.tree.root != ZeroTree.root(blocks: 3))
    }

    @Test("The random pass is random, and the last pass is zeros")
    func passes() async throws {
        let directory = SandboxFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = try Descriptor.open(directory + "/f", O_RDWR | O_CREAT, mode: 0o600)
        var buffers = WipeBuffers()
        var seen: [Set<UInt8>] = []
        for pass in WipeBuffers.Pass.allCases {
            _ = buffers.write(pass, to: file.number, 0..<8_192)
            var bytes = [UInt8](repeating: 7, count: 8_192)
            #expect(pread(file.number, &bytes, 8_192, 0) == 8_192)
            seen.append(Set(bytes))
        }
        #expect(seen[0] == [0] && seen[1] == [0xff] && seen[2].count > 200 && seen[3] == [0])
    }
}
