import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `nrx-server rotate-log-key` as an operator uses it.
@Suite("Rotating the log's key", .serialized, .timeLimit(.minutes(5)))
struct RotationCommandTests {
    private func rotate(_ directory: TemporaryDirectory) throws -> ProgramResult {
        try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-server"), ["rotate-log-key", "--data-dir", directory.path + "/data"])
    }

    @Test("is refused while the server runs; afterwards the log goes on, and audits under both keys")
    func rotateAndGoOn() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        _ = try await server.signUp()
        let first = try await server.send("GET", "/v1/log/checkpoint").text
        let running = try rotate(directory)
        #expect(running.status == 1)
        #expect(running.errors.contains("another process has"), "\(running.errors)")
        #expect(await server.stop() == 0)

        let done = try rotate(directory)
        #expect(done.status == 0, "\(done.errors)")
        let keys = done.text.split(separator: "\n").compactMap { $0.split(separator: ": ").dropFirst().first }
            .map(String.init)
        try #require(keys.count == 2, "\(done.text)")
        #expect(keys[0] != keys[1])

        let again = try await ServerProcess.start(in: directory)
        _ = try await again.signUp("b@example.com")
        #expect(await again.stop() == 0)
        let second = try rotate(directory)
        #expect(second.status == 0 && second.text.contains("old verifier key: \(keys[1])"), "\(second.text)")

        try first.write(toFile: directory.path + "/kept.txt", atomically: true, encoding: .utf8)
        let replay = try BuiltPrograms.path("nrx-replay")
        for key in keys {
            let audit = try BuiltPrograms.run(
                replay, ["audit", directory.log, "--verifier-key", key, "--from", directory.path + "/kept.txt"])
            #expect(audit.status == 0, "\(audit.text)\(audit.errors)")
        }
    }

    @Test("a directory without a log is refused, and nothing is made there")
    func nothingThere() throws {
        let directory = try TemporaryDirectory()
        let result = try rotate(directory)
        #expect(result.status == 1 && result.errors.contains("holds no log"), "\(result.errors)")
        #expect(try directory.files().isEmpty)
    }
}
