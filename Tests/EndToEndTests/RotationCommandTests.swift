import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `nrx-server rotate-log-key` as an operator uses it.
@Suite("Rotating the log's key", .serialized, .timeLimit(.minutes(10)))
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

    // MARK: - The recovery key

    private func server(_ arguments: [String]) throws -> ProgramResult {
        try BuiltPrograms.run(try BuiltPrograms.path("nrx-server"), arguments)
    }

    @Test(
        "the vault is lost: the recovery key puts another key in its place, API keys go on, and every auditor can tell")
    func vaultLost() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/recovery.key"
        let made = try server(["recovery-key", file])
        #expect(made.status == 0 && made.text.hasPrefix("recovery key: nrx-ledger/recovery+"), "\(made.errors)")
        #expect(try server(["recovery-key", file]).status == 1)
        var process = try await ServerProcess.start(in: directory, ["--log-recovery-key", file + ".pub"])
        let key = try await process.signUp()
        let kept = try await process.send("GET", "/v1/log/checkpoint").text
        #expect(await process.stop() == 0)
        try FileManager.default.removeItem(atPath: directory.path + "/data/vault")

        await #expect("a log without its vault was taken for a new one") {
            _ = try await ServerProcess.start(in: directory)
        } throws: {
            "\($0)".contains("--recovery-key FILE")
        }
        let data = ["--data-dir", directory.path + "/data"]
        let other = try server(["recovery-key", directory.path + "/other.key"])
        #expect(other.status == 0)
        let wrong = try server(["rotate-log-key", "--recovery-key", directory.path + "/other.key"] + data)
        #expect(wrong.status == 1 && wrong.errors.contains("recovery key is"), "\(wrong.errors)")
        let recovered = try server(["rotate-log-key", "--recovery-key", file] + data)
        #expect(recovered.status == 0, "\(recovered.errors)")
        let again = try server(["rotate-log-key", "--recovery-key", file] + data)
        #expect(again.status == 1 && again.errors.contains("nothing is lost"), "\(again.errors)")

        process = try await ServerProcess.start(in: directory)
        #expect(try await process.send("GET", "/v1/api-keys", key: key).status == 200)
        let listed = try server(["admin", "list-customers"] + data)
        #expect(listed.status == 0, "\(listed.errors)")
        _ = try await process.signUp("after@example.com")
        #expect(await process.stop() == 0)
        let keys = recovered.text.split(separator: "\n").filter { $0.contains("verifier key: ") }
            .compactMap { $0.split(separator: ": ").last.map(String.init) }
        try #require(keys.count == 2, "\(recovered.text)")
        try kept.write(toFile: directory.path + "/kept.txt", atomically: true, encoding: .utf8)
        for known in keys {
            let audit = try BuiltPrograms.run(
                try BuiltPrograms.path("nrx-replay"),
                ["audit", directory.log, "--verifier-key", known, "--from", directory.path + "/kept.txt"])
            #expect(audit.status == 0 && audit.text.contains("endorsed by the recovery key"), "\(audit.text)")
            let script = try StockAuditor.verify(directory, key: known)
            #expect(script.status == 0 && script.text.contains("under 2 keys"), "\(script.text)\(script.errors)")
        }
    }

    // MARK: - While the server runs

    @Test("killed while it rotates under load, again and again: it comes back, and what was ever shown still holds")
    func killedWhileRotating() async throws {
        let directory = try TemporaryDirectory()
        var shown: [String] = []
        for round in 0..<6 {
            let process = try await ServerProcess.start(in: directory)
            shown.append(try await process.send("GET", "/v1/log/checkpoint").text)
            let load = Task {
                for number in 0... {
                    guard !Task.isCancelled else { return }
                    do { _ = try await process.signUp("you\(round)-\(number)@example.com") } catch { return }
                }
            }
            let rotation = Process()
            rotation.executableURL = URL(filePath: try BuiltPrograms.path("nrx-server"))
            rotation.arguments = ["admin", "rotate-log-key", "--data-dir", directory.path + "/data"]
            rotation.standardOutput = FileHandle.nullDevice
            rotation.standardError = FileHandle.nullDevice
            try rotation.run()
            // Whenever this comes, it comes at some step; the rounds meet different ones.
            try await Task.sleep(for: .milliseconds(20 + 25 * round))
            await process.kill9()
            load.cancel()
            await load.value
            rotation.waitUntilExit()
        }
        let process = try await ServerProcess.start(in: directory)
        shown.append(try await process.send("GET", "/v1/log/checkpoint").text)
        #expect(await process.stop() == 0)
        for checkpoint in shown {
            try checkpoint.write(toFile: directory.path + "/kept.txt", atomically: true, encoding: .utf8)
            let audit = try BuiltPrograms.run(
                try BuiltPrograms.path("nrx-replay"), ["audit", directory.log, "--from", directory.path + "/kept.txt"])
            #expect(audit.status == 0, "\(audit.text)\(audit.errors)")
        }
        #expect(try StockAuditor.verify(directory).status == 0)
    }

    @Test("admin rotate-log-key prints both keys; the checkpoint that is served next is by the new one")
    func adminCommand() async throws {
        let directory = try TemporaryDirectory()
        let process = try await ServerProcess.start(in: directory)
        _ = try await process.signUp()
        let done = try server(["admin", "rotate-log-key", "--json", "--data-dir", directory.path + "/data"])
        #expect(done.status == 0, "\(done.errors)")
        let answer = try JSONReader.read(Array(done.output))
        let new = try #require(answer["new_verifier_key"]?.string)
        #expect(answer["old_verifier_key"]?.string != new && answer["last_size"]?.integer ?? 0 > 1)
        _ = try await process.signUp("b@example.com")
        let served = try await process.send("GET", "/v1/log/checkpoint").text
        try served.write(toFile: directory.path + "/served.txt", atomically: true, encoding: .utf8)
        #expect(await process.stop() == 0)
        let audit = try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-replay"),
            ["audit", directory.log, "--verifier-key", new, "--from", directory.path + "/served.txt"])
        #expect(audit.status == 0, "\(audit.text)")
        let bad = try server(["admin", "rotate-log-key", "--log-recovery-key", "nonsense"])
        #expect(bad.status == 64 && bad.errors.contains("neither a verifier key nor a file"), "\(bad.errors)")
    }
}
