import Foundation
import Merkle
import Proofs
import Glibc
import Testing

@testable import Sandbox

@Suite("Files of a session", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct SessionFilesTests {
    @Test("What was put in comes out again, and commands see it")
    func roundTrip() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let file = try await environment.writeFile("a/b/data.bin", bytesMax: 1 << 20)
            for start in stride(from: 0, to: bytes.count, by: 70_000) {
                try await file.write(Array(bytes[start..<min(start + 70_000, bytes.count)]))
            }
            file.close()
            #expect(try await environment.shell("stat -c '%s %U' a/b/data.bin").text == "300000 user\n")
            let reader = try await environment.readFile("/a//./b/data.bin")
            #expect(reader.size == 300_000)
            var back: [UInt8] = []
            while let piece = try await reader.read(64_000) { back += piece }
            #expect(back == bytes)
            let entries = try await environment.files(in: "a/b")
            #expect(entries.map(\.name) == ["data.bin"])
            #expect(entries.map(\.size) == [300_000])
            try await environment.removeFile("a/b/data.bin")
            #expect(try await environment.files(in: "a/b") == [])
            try await environment.removeFile("a/b")
            #expect(await Self.code { try await environment.readFile("a/b/data.bin") } == .notFound)
        }
    }

    @Test("No path leads out: not by dots, links, pipes, mounts or a race")
    func noEscape() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let setUp = """
                ln -s /etc/passwd link; ln -s / root; ln -s /proc/1/root magic; mkfifo pipe; mkdir d; ln -s .. d/up
                ln -s /tmp tmp
                """
            _ = try await environment.shell(setUp)
            for path in [
                "../etc/passwd", "link", "root/etc/passwd", "magic/etc/shadow", "d/up/link", "pipe", "d", "tmp/x",
                "d/../link",
            ] {
                #expect(await Self.code { try await environment.readFile(path) } == .refused, "\(path)")
                #expect(
                    await Self.code { try await environment.writeFile(path, bytesMax: 10) } == .refused, "\(path)")
            }
            #expect(await Self.code { try await environment.files(in: "root") } == .refused)
            #expect(await Self.code { try await environment.readFile("") } == .invalidRequest)
            #expect(await Self.code { try await environment.readFile("a\0b") } == .invalidRequest)
            // A directory that turns into a link to the host's root and back, as fast as it can.
            _ = try await environment.shell(
                "mkdir e; echo inside > e/passwd; (while :; do mv e f; ln -s /etc e; rm e; mv f e; done) >/dev/null 2>&1 &"
            )
            for _ in 0..<300 {
                guard let file = try? await environment.readFile("e/passwd") else { continue }
                let text = try await file.read().map { String(decoding: $0, as: UTF8.self) }
                #expect(text == "inside\n")
                file.close()
            }
        }
    }

    @Test("Input data is not written through a link or into a pipe that a command left in its place")
    func inputIsNotRedirected() async throws {
        try await SandboxFixture.withEnvironment { environment in
            _ = try await environment.shell("mkdir input; mkfifo input/data")
            let request = ExecRequest(.shell("true"), inputData: [1])
            #expect(await Self.code { try await environment.execute(request) } == .refused)
            _ = try await environment.shell("rm -r input; ln -s /tmp input")
            #expect(await Self.code { try await environment.execute(request) } == .refused)
            #expect(try await environment.shell("ls /tmp").text == "")
        }
    }

    @Test("A transfer stops at its limit and at the workspace's")
    func limits() async throws {
        try await SandboxFixture.withEnvironment({ $0.workspaceBytes = 1 << 20 }) { environment in
            let small = try await environment.writeFile("small", bytesMax: 10)
            #expect(await Self.code { try await small.write([UInt8](repeating: 1, count: 11)) } == .full)
            let large = try await environment.writeFile("large", bytesMax: .max)
            #expect(await Self.code { try await large.write([UInt8](repeating: 1, count: 2 << 20)) } == .full)
            let input = ExecRequest(.shell("true"), inputData: [UInt8](repeating: 1, count: 2 << 20))
            #expect(await Self.code { try await environment.execute(input) } == .full)
        }
    }

    @Test("The destruction closes files that callers still hold, and they say so")
    func heldOpen() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let file = try await environment.writeFile("f", bytesMax: 100)
            try await file.write([1, 2, 3])
            let evidence = try await environment.destroy()
            #expect(evidence.fileSystem.openDescriptorsAfter == 0)
            #expect(await Self.code { try await file.write([4]) } == .gone)
            #expect(await Self.code { try await environment.readFile("f") } == .gone)
        }
    }

    @Test("A path becomes what init understands, or is refused before it gets there")
    func normalization() throws {
        #expect(try SessionEnvironment.normalized("/a//b/./c/") == "a/b/c")
        #expect(try SessionEnvironment.normalized("", allowsEmpty: true) == "")
        #expect(throws: SandboxError.self) { try SessionEnvironment.normalized("a/../b") }
        #expect(throws: SandboxError.self) { try SessionEnvironment.normalized("/") }
        #expect(throws: SandboxError.self) { try SessionEnvironment.normalized(String(repeating: "a", count: 5_000)) }
    }

    /// The code of the error that `body` throws; nil when it throws none.
    static func code<Value>(_ body: () async throws -> Value) async -> SandboxError.Code? {
        do {
            _ = try await body()
            return nil
        } catch { return (error as? SandboxError)?.code }
    }
}

@Suite(
    "Terminals and ports of a session", .enabled("sandboxes work here", SandboxFixture.isAvailable),
    .timeLimit(.minutes(10)))
struct SessionTerminalTests {
    @Test("A terminal is a real one: it has a size, echoes, controls jobs, and tells its end")
    func terminal() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let terminal = try await environment.openTerminal(TerminalRequest(rows: 30, columns: 100))
            var screen = Screen(terminal)
            try await terminal.write(Array("tty; stty size; echo do''ne\n".utf8))
            let text = try await screen.read(until: "done\r\n")
            #expect(text.contains("/dev/pts/"))
            #expect(text.contains("30 100"))
            try terminal.resize(rows: 10, columns: 20)
            try await terminal.write(Array("sleep 100\n".utf8))
            while try await environment.shell("cat /proc/[0-9]*/comm | grep -c sleep").text != "1\n" {}
            // Control-C reaches what runs in the terminal, and the shell asks for the next line.
            try await terminal.write([3])
            _ = try await screen.read(until: "^C")
            _ = try await screen.read(until: "$ ")
            try await terminal.write(Array("stty size; exit 5\n".utf8))
            #expect(try await screen.read(until: "10 20\r\n").contains("10 20"))
            #expect(await terminal.exitCode() == 5)
            _ = try await environment.destroy()
        }
    }

    @Test("A terminal and a command run side by side, and closing the terminal ends what ran in it")
    func besideExec() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let terminal = try await environment.openTerminal(TerminalRequest())
            try await terminal.write(Array("sleep 777 & echo star''ted\n".utf8))
            var screen = Screen(terminal)
            _ = try await screen.read(until: "started\r\n")
            #expect(try await environment.shell("echo beside").text == "beside\n")
            terminal.close()
            while try await environment.shell("cat /proc/[0-9]*/comm | grep -c sleep").text != "0\n" {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await terminal.read() == nil)
        }
    }

    @Test("The destruction ends open terminals")
    func destroyed() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let terminal = try await environment.openTerminal(TerminalRequest())
            async let end = terminal.read()
            _ = try await end
            let evidence = try await environment.destroy()
            #expect(evidence.isolation.processesAfter == 0)
            #expect(await terminal.exitCode() == nil)
        }
    }

    @Test("A port inside can be reached through a socket made inside, and only when something listens")
    func port() async throws {
        try await SandboxFixture.withEnvironment { environment in
            #expect(await SessionFilesTests.code { try await environment.connect(port: 8_080) } == .connectionRefused)
            let server = """
                perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1:8080");
                print "up\\n"; $c = $s->accept; print $c "hello\\n"; close $c' > log 2>&1 &
                while ! grep -q up log; do :; done
                """
            let result = try await environment.execute(
                ExecRequest(.shell("command -v perl > /dev/null && { \(server) }"), timeoutMicroseconds: 30_000_000))
            #expect(!result.timedOut)
            guard result.exitCode == 0 else { return print("SKIPPED: no perl to listen with") }
            let descriptor = Descriptor(try await environment.connect(port: 8_080))
            var entry = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
            #expect(poll(&entry, 1, 5_000) == 1)
            var bytes = [UInt8](repeating: 0, count: 16)
            let count = Glibc.read(descriptor.number, &bytes, 16)
            #expect(String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self) == "hello\n")
        }
    }

    /// What a terminal shows, read up to a mark; the rest stays for the next mark.
    private struct Screen {
        let terminal: SessionTerminal
        private var pending = ""

        init(_ terminal: SessionTerminal) { self.terminal = terminal }

        /// All that came before and with `mark`; all there was when the terminal ended.
        mutating func read(until mark: String) async throws -> String {
            while true {
                if let range = pending.firstRange(of: mark) {
                    defer { pending = String(pending[range.upperBound...]) }
                    return String(pending[..<range.upperBound])
                }
                guard let bytes = try await terminal.read() else { return pending }
                pending += String(decoding: bytes, as: UTF8.self)
            }
        }
    }
}
