import Foundation
import Merkle
import Proofs
import Testing

@testable import Sandbox

@Suite("A session's environment", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct SessionEnvironmentTests {
    @Test("A command's output, errors and exit code come back apart")
    func outputAndExitCode() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let result = try await environment.shell("echo out; echo err >&2; exit 7")
            #expect(result.text == "out\n")
            #expect(result.errorText == "err\n")
            #expect(result.exitCode == 7)
            #expect(result.signal == nil)
            #expect(!result.timedOut && !result.truncated && !result.outOfMemory)
        }
    }

    @Test("Files live from one command to the next, and the destruction says how many bytes they were")
    func filesPersist() async throws {
        try await SandboxFixture.withEnvironment { environment in
            _ = try await environment.shell("head -c 10000 /dev/urandom > a; mkdir -p d/e; echo secret > d/e/f")
            #expect(try await environment.shell("cat d/e/f").text == "secret\n")
            let evidence = try await environment.destroy()
            #expect(evidence.fileSystem.files == 2)
            #expect(evidence.fileSystem.bytes == 4 * 4_096)
            #expect(evidence.overwrite.bytesOverwritten == 16 * 4_096)
            #expect(evidence.overwrite.bytesCompared == 4 * 4_096)
            #expect(evidence.zeroTree.blocks == 4)
            #expect(evidence.zeroTree.merkleRoot == evidence.zeroTree.expectedRoot)
            #expect(evidence.isolation.processesAfter == 0)
            #expect(evidence.key.zeroed && evidence.key.readBackZero)
        }
    }

    @Test("Input data arrives in the file and nowhere else")
    func inputData() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let command = "wc -c < input/data; tr '\\0' '\\n' < /proc/self/environ | grep -c needle"
            let result = try await environment.execute(
                ExecRequest(.shell(command), inputData: Array(String(repeating: "needle", count: 50_000).utf8)))
            #expect(result.text == "300000\n0\n")
        }
    }

    @Test("A command that takes too long is killed with everything that it started")
    func timeout() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let command = "trap '' TERM; setsid sleep 1000 & (trap '' TERM; sleep 1000) & wait; sleep 1000"
            let result = try await environment.shell(command, timeout: 200_000)
            #expect(result.timedOut)
            let left = try await environment.shell("cat /proc/[0-9]*/comm | grep -c sleep")
            #expect(left.text == "0\n")
        }
    }

    @Test("A plain end leaves background processes to the session")
    func background() async throws {
        try await SandboxFixture.withEnvironment { environment in
            _ = try await environment.shell("sleep 1000 > /dev/null 2>&1 & echo started")
            #expect(try await environment.shell("cat /proc/[0-9]*/comm | grep -c sleep").text == "1\n")
            let evidence = try await environment.destroy()
            // init, sleep, and perhaps the process that waits to become the next command.
            #expect((2...3).contains(evidence.isolation.processesBefore))
            #expect(evidence.isolation.processesAfter == 0)
        }
    }

    @Test("Output is capped while it is read, and counted to its end")
    func cap() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let result = try await environment.execute(
                ExecRequest(.shell("head -c 5000000 /dev/zero; echo x >&2"), outputBytesMax: 1_000))
            #expect(result.stdout.count == 1_000)
            #expect(result.stdoutBytes == 5_000_000)
            #expect(result.stderr == Array("x\n".utf8))
            #expect(result.truncated)
        }
    }

    @Test("One command at a time")
    func busy() async throws {
        try await SandboxFixture.withEnvironment { environment in
            async let first = environment.shell("echo ready; sleep 1; echo done")
            while !environment.isExecuting { try await Task.sleep(for: .milliseconds(5)) }
            await #expect(throws: SandboxError.self) { try await environment.shell("true") }
            #expect(try await first.exitCode == 0)
        }
    }
}
