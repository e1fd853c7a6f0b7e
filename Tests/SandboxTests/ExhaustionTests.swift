import Foundation
import Merkle
import Proofs
import Testing

@testable import Sandbox

/// A session that takes all it can get gets no more than it may have, and is destroyed as any other.
@Suite("Exhaustion", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct ExhaustionTests {
    @Test("A full disk is the session's own, and all of it is wiped")
    func disk() async throws {
        try await SandboxFixture.withEnvironment({ $0.workspaceBytes = 8 << 20 }) { environment in
            let result = try await environment.shell("cat /dev/urandom > fill; stat -c %s fill")
            #expect(result.errorText.contains("No space left"))
            let size = try #require(Int64(result.text.trimmed))
            #expect(size > 7 << 20 && size <= 8 << 20)
            let evidence = try await environment.destroy()
            #expect(evidence.overwrite.bytesOverwritten == 4 * evidence.fileSystem.bytes)
            #expect(evidence.fileSystem.bytes >= size)
            #expect(evidence.fileSystem.sizeBytes == 8 << 20)
        }
    }

    @Test("Inodes run out for the session alone")
    func inodes() async throws {
        try await SandboxFixture.withEnvironment({ $0.workspaceFilesMax = 200 }) { environment in
            let result = try await environment.shell("i=0; while true > f$i; do i=$((i+1)); done 2>&1; echo $i")
            let made = try #require(result.text.split(separator: "\n").last.flatMap { Int($0) })
            #expect(made > 100 && made < 200)
            let evidence = try await environment.destroy()
            #expect(evidence.fileSystem.files == Int64(made))
            #expect(evidence.zeroTree.blocks == 0)
        }
    }

    @Test("Memory beyond the limit is an out-of-memory kill, told as such and as an incident")
    func memory() async throws {
        try await SandboxFixture.withEnvironment({
            $0.memoryBytes = 64 << 20
            $0.workspaceBytes = 16 << 20
        }) { environment in
            try await Probe.install(in: environment)
            let result = try await environment.shell("./escape hog; exit $?")
            #expect(result.outOfMemory)
            #expect(result.exitCode != 0)
            #expect(result.peakMemoryBytes <= 64 << 20)
            #expect(result.peakMemoryBytes > 32 << 20)
            var incidents = environment.incidents.makeAsyncIterator()
            #expect(await incidents.next() == .outOfMemory)
            let evidence = try await environment.destroy()
            #expect(evidence.isolation.processesAfter == 0)
        }
    }

    @Test("A fork bomb stops at the session's number of processes, and a timeout ends it")
    func processes() async throws {
        try await SandboxFixture.withEnvironment({ $0.processesMax = 32 }) { environment in
            try await Probe.install(in: environment)
            let result = try await environment.shell("./escape forks")
            #expect(result.text.hasPrefix("EAGAIN "))
            let count = try #require(Int(String(result.text.dropFirst(7)).trimmed))
            #expect(count < 32)
            // The children live on, and everything still works around them.
            let bomb = try await environment.shell("exec ./escape storm", timeout: 300_000)
            #expect(bomb.timedOut)
            _ = try await environment.destroy()
        }
    }

    @Test("Descriptors run out for the process alone")
    func descriptors() async throws {
        try await SandboxFixture.withEnvironment({ $0.descriptorsMax = 64 }) { environment in
            try await Probe.install(in: environment)
            let result = try await environment.shell("./escape descriptors")
            #expect(result.text == "EMFILE 61\n")
        }
    }

    @Test("A flood of output is counted to its end and kept to its cap")
    func output() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let result = try await environment.shell("head -c 200000000 /dev/zero | tee /dev/stderr")
            #expect(result.stdoutBytes == 200_000_000)
            #expect(result.stderrBytes == 200_000_000)
            #expect(result.stdout.count == 1 << 20)
            #expect(result.truncated)
        }
    }

    @Test("A daemon that left its command, its terminal and its parent ends with the session")
    func daemon() async throws {
        let mark = "86\(Int.random(in: 100_000...999_999))"
        try await SandboxFixture.withEnvironment { environment in
            let command = "setsid sh -c '(trap \"\" TERM HUP INT; sleep \(mark) & sleep \(mark)) > /dev/null 2>&1 &' &"
            _ = try await environment.shell(command)
            while Self.hostProcesses(mark).count < 2 { try await Task.sleep(for: .milliseconds(5)) }
            let evidence = try await environment.destroy()
            #expect(evidence.isolation.processesBefore >= 3)
            #expect(evidence.isolation.processesAfter == 0)
            #expect(Self.hostProcesses(mark) == [])
        }
    }

    @Test("Trees of any depth and names of any bytes are wiped")
    func strangeTrees() async throws {
        try await SandboxFixture.withEnvironment { environment in
            try await Probe.install(in: environment)
            let command = """
                ./escape nest 3000 && rm escape || exit 1
                printf 'x' > "$(printf 'bad\\377name')"; ln -s /etc/passwd link; mkfifo pipe
                echo one > a; ln a b; : > empty; chmod 000 a; mkdir locked; echo s > locked/s
                chmod 000 locked; ln -s "$(head -c 3000 /dev/zero | tr '\\0' y)" longlink
                truncate -s 100M sparse; echo end >> sparse; fallocate -l 1M reserved; echo > "new
                line"
                """
            let result = try await environment.shell(command)
            #expect(result.exitCode == 0, "\(result.errorText)")
            let evidence = try await environment.destroy()
            // f, the bad name, a (b is its other name), empty, locked/s, sparse, reserved, new line.
            #expect(evidence.fileSystem.files == 8)
            #expect(evidence.fileSystem.bytes == 6 * 4_096)
        }
    }

    /// Processes of the whole machine whose command line holds `mark`.
    static func hostProcesses(_ mark: String) -> [Int32] {
        DirectoryListing.numbers(at: "/proc").filter { pid in
            KernelFile.read("/proc/\(pid)/cmdline")?.contains("sleep\0\(mark)") ?? false
        }
    }
}
