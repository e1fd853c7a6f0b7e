import Foundation
import ServerFixtures
import Testing

/// What an operator does wrong, and what the server says about it.
@Suite("Usage errors of nrx-server", .serialized, .timeLimit(.minutes(10)))
struct UsageErrorTests {
    private func run(_ arguments: [String]) throws -> ProgramResult {
        // A server that should have refused must not keep the test waiting for ever.
        try BuiltPrograms.run("/usr/bin/timeout", ["30", try BuiltPrograms.path("nrx-server")] + arguments)
    }

    private static let usage: Int32 = 64  // EX_USAGE of sysexits.h

    @Test(
        "an unknown option, a port that is none, an unknown layer: exit 64, the mistake in words, nothing made",
        arguments: [
            (["--prot", "80"], "--prot"), (["--port", "eighty"], "port"), (["--port", "65536"], "65535"),
            (["--port", "-1"], "port"), (["--region", "Mars!"], "--region"),
            (["--allow-missing-layer", "walls"], "walls"), (["--log-level", "loud"], "loud"),
            (["--warm-pool", "1000000"], "--warm-pool"), (["--shutdown-seconds", "0"], "--shutdown-seconds"),
            (["serve", "extra"], "extra"), (["--address-limits", "maybe"], "--address-limits"),
            (["--trusted-proxy", "10.0.0.1/8"], "--trusted-proxy"), (["--trusted-proxy", "proxy"], "--trusted-proxy"),
            (["--tls-cert", "server.crt"], "--tls-key"), (["--host", "0.0.0.0"], "--insecure-http"),
            (["--host", "::"], "--tls-cert"), (["--cors-origin", "example.com"], "--cors-origin"),
            (["--cors-origin", "https://example.com/"], "--cors-origin"),
            (["--max-connections", "0"], "--max-connections"),
        ])
    func options(arguments: [String], said: String) throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        let place = arguments.first == "serve" ? [] : ["--data-dir", data]
        let result = try run(arguments + place)
        #expect(result.status == Self.usage, "\(result.errors)")
        #expect(result.errors.contains(said), "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test("the same from the environment", arguments: [("NRX_PORT", "eighty"), ("NRX_LOG_LEVEL", "loud")])
    func environment(name: String, value: String) throws {
        let program = try BuiltPrograms.path("nrx-server")
        let directory = try TemporaryDirectory()
        let result = try BuiltPrograms.run(
            "/usr/bin/env", ["\(name)=\(value)", "NRX_DATA_DIR=\(directory.path)/data", "timeout", "30", program])
        #expect(result.status == Self.usage, "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/data"))
    }

    @Test("a data directory of another origin: exit 1, which origin it is, and nothing is changed")
    func foreignOrigin() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--origin", "ledger.example/one"])
        #expect(await server.stop() == 0)
        let before = try directory.lines()
        let result = try run(["--port", "0", "--data-dir", directory.path + "/data", "--origin", "ledger.example/two"])
        #expect(result.status == 1)
        #expect(result.errors.contains("ledger.example/one"), "\(result.errors)")
        #expect(try directory.lines() == before)
        let next = try await ServerProcess.start(in: directory, ["--origin", "ledger.example/one"])
        #expect(await next.stop() == 0)
    }

    @Test("the log of one server with the vault of another: exit 1, whose is whose")
    func foreignVault() async throws {
        let (one, two) = (try TemporaryDirectory(), try TemporaryDirectory())
        for directory in [one, two] { #expect(await (try ServerProcess.start(in: directory)).stop() == 0) }
        try FileManager.default.removeItem(atPath: two.path + "/data/log")
        try FileManager.default.copyItem(atPath: one.path + "/data/log", toPath: two.path + "/data/log")
        let result = try run(["--port", "0", "--data-dir", two.path + "/data"])
        #expect(result.status == 1)
        #expect(result.errors.contains("nrx-server: "), "\(result.errors)")
        try one.expectCleanAudit("the first one's log")
    }

    @Test("a second server on the same directory: exit 1 and why, while the first one goes on")
    func secondServer() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        let result = try run(["--port", "0", "--data-dir", directory.path + "/data"])
        #expect(result.status == 1)
        #expect(result.errors.contains("another") || result.errors.contains("in use"), "\(result.errors)")
        #expect(try await server.send("GET", "/v1/customers/me", key: key).status == 200)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after both")
    }

    @Test("a port that is taken: exit 1, which port, and the log is closed cleanly")
    func portTaken() async throws {
        let (one, two) = (try TemporaryDirectory(), try TemporaryDirectory())
        let server = try await ServerProcess.start(in: one)
        let port = try #require(server.url.split(separator: ":").last)
        let result = try run(["--port", String(port), "--data-dir", two.path + "/data"])
        #expect(result.status == 1)
        #expect(result.errors.contains(port), "\(result.errors)")
        #expect(!result.text.contains("listening"))
        #expect(await server.stop() == 0)
        let next = try await ServerProcess.start(in: two)
        #expect(await next.stop() == 0)
    }

    @Test("a data directory that cannot be made: exit 1 and its path")
    func unusableDirectory() throws {
        let result = try run(["--port", "0", "--data-dir", "/proc/nrx"])
        #expect(result.status == 1)
        #expect(result.errors.contains("/proc/nrx"), "\(result.errors)")
    }

    @Test("a damaged log: exit 1 with file and offset, and the files stay as they are")
    func damagedLog() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        for number in 0..<3 { _ = try await server.signUp("you\(number)@company.com") }
        #expect(await server.stop() == 0)
        var segment = try #require(try directory.files().first { $0.path.hasSuffix(".jsonl.lz4") })
        segment.content[200] ^= 1
        try segment.content.write(to: URL(filePath: segment.path))
        let result = try run(["--port", "0", "--data-dir", directory.path + "/data"])
        #expect(result.status == 1)
        #expect(result.errors.contains("00000000000000000000.jsonl.lz4"), "\(result.errors)")
        #expect(result.errors.contains("byte 0") && result.errors.contains("events 0"), "\(result.errors)")
        #expect(try Data(contentsOf: URL(filePath: segment.path)) == segment.content)
    }

    @Test("a certificate that cannot be read: exit 1, and which option it was")
    func certificate() throws {
        let directory = try TemporaryDirectory()
        let result = try run([
            "--port", "0", "--data-dir", directory.path + "/data", "--tls-cert", "/nonexistent.crt", "--tls-key",
            "/nonexistent.key",
        ])
        #expect(result.status == 1)
        #expect(result.errors.contains("--tls-cert /nonexistent.crt"), "\(result.errors)")
    }
}
