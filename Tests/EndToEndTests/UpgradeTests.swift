import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// Data directories that earlier versions wrote (fixtures/upgrade) under this one.
@Suite("Upgrades")
struct UpgradeTests {
    static let versions: [String] = {
        let fixtures = ForeignClient.repository.appending(path: "fixtures/upgrade").path(percentEncoded: false)
        return ((try? FileManager.default.contentsOfDirectory(atPath: fixtures)) ?? []).filter { $0 != "README.md" }
    }()

    @Test("there is an earlier version to open")
    func fixturesAreThere() { #expect(!Self.versions.isEmpty) }

    @Test(
        "an older log opens, answers and grows, and every byte that was stored stays where it was", arguments: versions)
    func olderLogOpensUnchanged(_ version: String) async throws {
        let fixture = ForeignClient.repository.appending(path: "fixtures/upgrade/\(version)")
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        for part in ["log", "vault"] {
            try FileManager.default.copyItem(
                atPath: fixture.appending(path: part).path(percentEncoded: false), toPath: "\(data)/\(part)")
        }
        // Whatever the checkout gave them: a vault that others can read is refused.
        for path in try FileManager.default.subpathsOfDirectory(atPath: data) {
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(data)/\(path)", isDirectory: &isDirectory)
            try FileManager.default.setAttributes(
                [.posixPermissions: isDirectory.boolValue ? 0o700 : 0o600], ofItemAtPath: "\(data)/\(path)")
        }
        let exported = try Self.export(data + "/log")
        let key = try String(contentsOf: fixture.appending(path: "api-key.txt"), encoding: .utf8)
        let proof = try JSONReader.read(Array(try Data(contentsOf: fixture.appending(path: "proof.json"))))

        let server = try await ServerProcess.start(in: directory)
        let account = try await server.send("GET", "/v1/customers/me", key: key)
        #expect(account["email"] == "older@company.example", "\(account)")
        let session = try #require(proof["session_id"]?.string)
        #expect(try await server.send("GET", "/v1/proofs/\(session)", key: key).json == proof)
        _ = try await server.signUp("newer@company.example")
        #expect(await server.stop() == 0)

        for segment in try FileManager.default.contentsOfDirectory(
            atPath: fixture.appending(path: "log").path(percentEncoded: false))
        where segment.hasSuffix(".jsonl.lz4") {
            let before = try Data(contentsOf: fixture.appending(path: "log/\(segment)"))
            let after = try Data(contentsOf: URL(filePath: "\(data)/log/\(segment)"))
            #expect(after.count >= before.count && after.prefix(before.count) == before, "\(segment)")
        }
        let grown = try Self.export(data + "/log")
        #expect(grown.count > exported.count && grown.prefix(exported.count) == exported, "the events, byte for byte")
        let audit = try BuiltPrograms.run(try BuiltPrograms.path("nrx-replay"), ["audit", data + "/log"])
        #expect(audit.status == 0, "\(audit.text)\(audit.errors)")
    }

    private static func export(_ log: String) throws -> Data {
        let result = try BuiltPrograms.run(try BuiltPrograms.path("nrx-replay"), ["export", log])
        try #require(result.status == 0, "\(result.errors)")
        return result.output
    }
}
