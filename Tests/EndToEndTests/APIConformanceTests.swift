import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// A running server against its own API document, by tools that know nothing of it.
@Suite("API conformance", .serialized)
struct APIConformanceTests {
    private static let clients = ForeignClient.repository
        .appending(path: "Tests/EndToEndTests/Clients/schemathesis").path(percentEncoded: false)

    @Test("the document is valid OpenAPI 3.1, and every example fits its schema")
    func documentIsValid() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let result = try await Self.run(
            try ForeignClient.python(), ["\(Self.clients)/check_document.py", server.url + "/openapi.json"],
            in: directory)
        #expect(await server.stop() == 0)
        let line = try #require(result.text.split(separator: "\n").last, "\(result.errors)")
        let found = try JSONReader.read(Array(line.utf8))
        #expect(found["invalid"] == [])
        #expect(found["wrong_examples"] == [])
        #expect(try #require(found["examples"]?.integer) > 100)
    }

    /// A fixed seed and number of examples, so that what fails fails again; with NRX_SCHEMATHESIS_SECONDS
    /// (`make schemathesis`) it searches anew for so long.
    @Test(
        "schemathesis finds no server error, no undocumented status and no answer against its schema",
        .enabled(if: Isolation.isAvailable))
    func schemathesisFindsNothing() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(
            in: directory, environment: ["NRX_STRIPE_WEBHOOK_SECRET": "whsec_for_a_test"])
        let seconds = ProcessInfo.processInfo.environment["NRX_SCHEMATHESIS_SECONDS"]
        let program = URL(filePath: try ForeignClient.python()).deletingLastPathComponent()
            .appending(path: "schemathesis").path(percentEncoded: false)
        let result = try await Self.run(
            "/usr/bin/env",
            [
                "NRX_URL=\(server.url)", "PYTHONPATH=\(Self.clients)", program, "--config-file",
                "\(Self.clients)/schemathesis.toml", "run", server.url + "/openapi.json", "--checks", "all",
                "--continue-on-failure", "--no-color", "--generation-database", "none",
                // How hard examples are to make says nothing of the server.
                "--suppress-health-check", "all",
            ] + (seconds.map { ["--max-time", $0] } ?? ["--seed", "1", "--max-examples", "5"]), in: directory)
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        let operations = try #require(
            result.text.firstMatch(of: /Selected: (\d+)\/(\d+)\s+Tested: (\d+)/), "\(result.text)")
        #expect(operations.1 == operations.2 && operations.1 == operations.3, "every operation is tested")
        let cases = try #require(result.text.firstMatch(of: /(\d+) generated/), "\(result.text)")
        #expect(try #require(Int(cases.1)) > 500)
        #expect(await server.stop() == 0, "it stops cleanly after all that")
    }

    /// Runs a program to its end, off the cooperative pool; what it leaves goes with the directory.
    private static func run(_ program: String, _ arguments: [String], in directory: TemporaryDirectory) async throws
        -> ProgramResult
    {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        try BuiltPrograms.run("/usr/bin/env", ["--chdir", directory.path, program] + arguments)
                    })
            }
        }
    }
}
