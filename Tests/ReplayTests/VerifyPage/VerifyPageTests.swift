import CanonicalJSON
import EventStore
import Foundation
import Testing

@testable import API
@testable import Replay

/// The page `GET /verify` in a real browser, saved to disk as somebody would keep it.
@Suite("The verification page", .serialized, .timeLimit(.minutes(45)))
struct VerifyPageTests {
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "browser").path

    /// Runs a script of `browser/` and returns what it printed, as JSON.
    private func run(_ script: String, _ arguments: [String], in directory: TemporaryDirectory) throws -> JSONValue {
        let errors = directory.file("errors.txt")
        let words = ["node", "\(Self.scripts)/\(script)"] + arguments
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let result = try Shell.run("\(quoted) 2>'\(errors)'")
        let complaint = try directory.text("errors.txt")
        try #require(result.status == 0, "\(complaint) \(result.text)")
        return try JSONReader.read(result.output, numbers: .ieee754)
    }

    private func save(offering key: VerifierKey?, in directory: TemporaryDirectory) throws -> String {
        try directory.write(Array(VerifyPage().html(logKey: key).utf8), to: "verify.html")
        return directory.file("verify.html")
    }

    @Test("says of more than 500 proofs and mutations exactly what nrx-replay verify says")
    func verdicts() async throws {
        let directory = try TemporaryDirectory()
        let cases = try await PageCases.make()
        #expect(cases.count >= 500)
        for page in cases { try page.write(to: directory.path) }
        try directory.write(JSONValue.array(cases.map(\.document)).canonicalBytes, to: "cases.json")
        let page = try save(offering: nil, in: directory)
        let reports = try run("verdicts.mjs", [page, directory.path], in: directory)
        var results: [String: Int] = [:]
        for page in cases {
            let verdict = try page.verdict(in: directory.path)
            let comparison = ReportComparison(program: verdict, page: reports[page.name] ?? .null)
            #expect(comparison.differences.isEmpty, "\(page.name): \(comparison.differences)")
            results[verdict["level_reached"]?.string ?? verdict["result"]?.string ?? "none", default: 0] += 1
        }
        // All kinds of verdict are among them, so that equality says something.
        #expect((results["integrity"] ?? 0) > 10 && (results["provenance"] ?? 0) > 5, "\(results)")
        #expect((results["failed"] ?? 0) > 400, "\(results)")
    }

    @Test("calls a key of its own server asserted, never provenance")
    func ownKeyIsAsserted() async throws {
        let (directory, log) = (try TemporaryDirectory(), try await TestLog.make())
        let file = try await InclusionFile.make(of: log.proofs[0], in: log.path, signer: try TestSigner())
        try directory.write(JSONValue.object(file).canonicalBytes, to: "proof.json")
        let page = try save(offering: log.verifierKey, in: directory)
        let report = try run("own-key.mjs", [page, directory.file("proof.json")], in: directory)
        #expect(report["levels"]?["provenance"]?["result"] == "asserted")
        #expect(report["level_reached"] == "integrity")
        #expect(report["result"] == "lower_level")
    }

    @Test("can connect to nothing, fits narrow and wide, reads in light and dark, works by keyboard, and prints")
    func looks() async throws {
        let (directory, log) = (try TemporaryDirectory(), try await TestLog.make())
        let proof = String(decoding: log.proofs[0], as: UTF8.self)
        let file = try await InclusionFile.make(of: log.proofs[0], in: log.path, signer: try TestSigner())
        try directory.write(JSONValue.object(file).canonicalBytes, to: "proof.json")
        let tampered = proof.replacing("\"mismatches\":0", with: "\"mismatches\":1")
        #expect(tampered != proof)
        try directory.write(Array(tampered.utf8), to: "tampered.json")
        let page = try save(offering: log.verifierKey, in: directory)
        let seen = try run("looks.mjs", [page, directory.path, log.verifierKey.description], in: directory)
        #expect(seen["problems"] == [], "\(seen["problems"]?.canonicalText ?? "")")
        #expect(seen["contrasts"]?.integer ?? 0 > 100, "texts were looked at")
        #expect(seen["pictures"]?.array?.count == 4)
        try keepPictures(seen["pictures"]?.array?.compactMap(\.string) ?? [])
    }

    private static let kept = ["verify-provenance-wide.png", "verify-failed-narrow.png"]

    /// `NRX_SCREENSHOTS=1` puts two of the pictures into `docs/images`, for docs/auditing.md.
    private func keepPictures(_ paths: [String]) throws {
        guard ProcessInfo.processInfo.environment["NRX_SCREENSHOTS"] == "1" else { return }
        let images = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/images")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        for picture in paths.map({ URL(filePath: $0) }) where Self.kept.contains(picture.lastPathComponent) {
            try Data(contentsOf: picture).write(to: images.appending(path: picture.lastPathComponent))
        }
    }

    @Test("its modules hold by themselves")
    func modules() throws {
        let modules = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "modules.test.mjs").path
        let result = try Shell.run("node --test '\(modules)' 2>&1")
        #expect(result.status == 0, "\(result.text)")
        #expect(result.text.contains("pass "), "\(result.text)")
    }

    @Test("is one file whose policy names the hashes of its only style and its only script")
    func policy() throws {
        let page = VerifyPage()
        let html = page.html(logKey: try TestSigner(origin: "a<b>&\"c").verifierKey)
        #expect(page.policy.hasPrefix("default-src 'none'; connect-src 'none'; script-src 'sha256-"))
        #expect(!page.policy.contains("unsafe") && !page.policy.contains("http"))
        #expect(page.policy.hasSuffix("frame-ancestors 'none'"))
        #expect(html.contains("content=\"a&lt;b>&amp;&quot;c+"))
        #expect(!html.contains("{{") && !html.contains("\nimport ") && !html.contains("\nexport "))
        #expect(html.components(separatedBy: "<script").count == 2)
        #expect(!html.contains("src=\"") && !html.contains("url("))
    }
}
