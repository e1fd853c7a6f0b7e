import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Testing

@testable import Replay

@Suite("The program nrx-replay")
struct ProgramTests {
    @Test("exit codes of audit: 0, 1, 2 and 3")
    func audit() async throws {
        let log = try await TestLog.make()
        #expect(try Shell.replay(["audit", log.path]).status == 0)
        #expect(try Shell.replay(["audit", log.path, "--integrity"]).status == 0)
        #expect(try Shell.replay(["audit", log.path, "--verifier-key", log.verifierKey.description]).status == 0)
        let other = try TestSigner(seed: 9).verifierKey.description
        #expect(try Shell.replay(["audit", log.path, "--verifier-key", other]).status == 1)
        #expect(try Shell.replay(["audit", log.path, "--verifier-key", "nonsense"]).status == 2)
        #expect(try Shell.replay(["audit", log.path + "/absent"]).status == 2)
        #expect(try Shell.replay(["audit"]).status == 2)
        #expect(try Shell.replay(["audit", log.path, "--unknown"]).status == 2)
        try FileManager.default.removeItem(atPath: log.directory.file("checkpoint"))
        #expect(try Shell.replay(["audit", log.path, "--verifier-key", log.verifierKey.description]).status == 3)
    }

    @Test("exit codes of verify: 0, 1, 2 and 3")
    func verify() async throws {
        let log = try await TestLog.make()
        let proof = log.directory.file("proof.json")
        try log.directory.write(log.proofs[0], to: "proof.json")
        #expect(try Shell.replay(["verify", proof]).status == 0)
        #expect(try Shell.replay(["verify", proof, "--log", log.path]).status == 3)
        try log.directory.write(Array(log.kept.text.utf8), to: "kept.txt")
        let kept = log.directory.file("kept.txt")
        #expect(try Shell.replay(["verify", proof, "--log", log.path, "--from", kept]).status == 0)
        #expect(try Shell.replay(["verify", proof, "--from", kept]).status == 2)
        #expect(try Shell.replay(["verify", log.directory.file("absent")]).status == 2)
        #expect(try Shell.replay(["verify", kept]).status == 1)
    }

    @Test("checkpoint, prove and verify hand over to each other through files")
    func together() async throws {
        let log = try await TestLog.make()
        try log.directory.write(Array(log.verifierKey.description.utf8) + [0x0A], to: "log.key")
        let key = log.directory.file("log.key")
        let kept = try Shell.replay(["checkpoint", log.path, "--verifier-key", key])
        #expect(kept.status == 0)
        try log.directory.write(kept.output, to: "kept.txt")
        #expect(try Shell.replay(["audit", log.path, "--from", log.directory.file("kept.txt")]).status == 0)
        let shown = try JSONReader.read(
            try Shell.replay(["show", log.sessions[0].text, "--log", log.path, "--json"]).output)
        let event = try #require(
            shown["events"]?.array?.first { $0["type"]?.string == VerificationKeyPublished.type }?["seq"]?.integer)
        let proof = try Shell.replay(["prove", "\(event)", "--log", log.path])
        #expect(proof.status == 0)
        try log.directory.write(proof.output, to: "event.tlog-proof")
        try log.directory.write(log.proofs[0], to: "proof.json")
        let verified = try Shell.replay([
            "verify", log.directory.file("proof.json"), "--proof", log.directory.file("event.tlog-proof"),
            "--verifier-key", key,
        ])
        #expect(verified.status == 0)
        #expect(verified.text.contains("VERIFIED at the level of provenance"))
        #expect(try Shell.replay(["prove", "100000", "--log", log.path]).status == 1)
    }

    @Test(
        "every command's JSON is one canonical line that repeats the exit code",
        arguments: [
            ["audit", "LOG"], ["audit", "LOG", "--integrity"], ["verify", "LOG/proof.json"], ["checkpoint", "LOG"],
            ["verify", "LOG/proof.json", "--log", "LOG"], ["show", "log", "--log", "LOG"],
            ["prove", "1", "--log", "LOG"],
            ["audit", "LOG/absent"], ["show", "x", "--log", "LOG"],
            ["rebuild", "--log", "LOG", "--to", "LOG/new.sqlite"],
            ["diff", "LOG/projections.sqlite", "--log", "LOG"], ["backup", "LOG", "LOG-copy"],
            ["backup", "LOG", "LOG/inside"],
        ])
    func json(arguments: [String]) async throws {
        let log = try await TestLog.make()
        try log.directory.write(log.proofs[0], to: "proof.json")
        _ = try ProjectionRebuild(directory: log.path, target: log.directory.file("projections.sqlite")).run()
        defer { try? FileManager.default.removeItem(atPath: log.path + "-copy") }
        let result = try Shell.replay(arguments.map { $0.replacing("LOG", with: log.path) } + ["--json"])
        #expect(result.output.last == 0x0A)
        let document = try JSONReader.read(Array(result.output.dropLast()))
        #expect(document.canonicalBytes == Array(result.output.dropLast()))
        #expect(document["exit_code"]?.integer == Int64(result.status))
        #expect(document["command"]?.string == arguments[0])
    }

    @Test(
        "help teaches: every subcommand shows an example",
        arguments: [
            "audit", "verify", "show", "export", "checkpoint", "prove", "rebuild", "diff", "backup",
        ])
    func help(command: String) throws {
        let result = try Shell.replay([command, "--help"])
        #expect(result.status == 0)
        #expect(result.text.contains("nrx-replay \(command) "))
        #expect(result.text.contains("Example"))
    }

    @Test("an export of a damaged log prints what precedes the damage, and fails")
    func exportDamaged() async throws {
        let log = try await TestLog.make()
        let whole = try Shell.replay(["export", log.path])
        #expect(whole.status == 0)
        let name = try #require(try log.segments().first)
        var bytes = try log.directory.bytes(name)
        bytes[bytes.count / 2] ^= 1
        try log.directory.write(bytes, to: name)
        let part = try Shell.replay(["export", log.path])
        #expect(part.status == 1)
        #expect(!part.output.isEmpty && part.output.count < whole.output.count)
        #expect(whole.output.starts(with: part.output))
    }
}
