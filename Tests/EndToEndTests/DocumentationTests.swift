import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// What the documentation tells readers to type does what it says.
@Suite("Documentation", .serialized)
struct DocumentationTests {
    private static let kinds: Set<String> = [
        "sh", "sh package", "console", "text", "output", "json", "http", "make", "swift",
    ]

    @Test("every fenced block says what it is, so that no command hides among texts")
    func blocksAreMarked() throws {
        for name in try Documentation.names() {
            for block in try Documentation(name).blocks {
                #expect(Self.kinds.contains(block.kind), "\(name):\(block.line) is marked `\(block.kind)`")
            }
        }
    }

    @Test("links between pages lead to pages, and pictures are there")
    func linksLeadSomewhere() throws {
        for name in try Documentation.names() {
            let file = ForeignClient.repository.appending(path: name)
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /\]\(([^)#:\s]+)(#[^)]*)?\)/) {
                let target = file.deletingLastPathComponent().appending(path: String(match.1))
                #expect(
                    FileManager.default.fileExists(atPath: target.path(percentEncoded: false)), "\(name): \(match.1)")
            }
        }
    }

    @Test("every command of every page runs against a server", .enabled(if: Isolation.isAvailable))
    func commandsRun() async throws {
        let pages = try Documentation.names().map { try Documentation($0) }.filter { page in
            page.blocks.contains { $0.kind == "sh" }
        }
        #expect(
            Set(pages.map(\.name)).isSuperset(of: ["docs/quick-start.md", "docs/auditors-afternoon.md", "docs/cdp.md"]))
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let reader = try await Reader(of: server, in: directory)
        for page in pages {
            let result = try await page.run(in: try reader.desk(for: page), reader.environment(for: page))
            #expect(result.status == 0, "\(page.name)\n\(result.text)\n\(result.errors)")
        }
        #expect(await server.stop() == 0)
    }
}

/// Whoever reads the documentation: with an account, a session that was destroyed, and its proof.
struct Reader {
    let server: ServerProcess
    let directory: TemporaryDirectory
    private let session: String
    private let proof: Data
    private let verifierKey: String
    private let apiKey: String

    init(of server: ServerProcess, in directory: TemporaryDirectory) async throws {
        (self.server, self.directory) = (server, directory)
        apiKey = try await server.signUp("reader@company.com")
        session = try await server.createSession(apiKey, ["data_classification": "PHI"])
        let destroyed = try await server.send("DELETE", "/v1/sessions/\(session)", key: apiKey)
        proof = Data(try #require(destroyed["cdp"], "\(destroyed)").canonicalBytes)
        let audit = try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-replay"), ["audit", directory.path + "/data/log", "--json"])
        verifierKey = try #require(
            try JSONReader.read(Array(audit.output.split(separator: 10).last ?? Data()))["log"]?["verifier_key"]?.string
        )
    }

    /// A directory with what CONTRIBUTING.md, "How to write documentation", promises.
    func desk(for page: Documentation) throws -> String {
        let desk = directory.path + "/" + page.name.replacing("/", with: "-")
        try FileManager.default.createDirectory(atPath: desk, withIntermediateDirectories: true)
        try proof.write(to: URL(filePath: desk + "/proof.json"))
        try Data("name,diagnosis\nJane Roe,J45.901\n".utf8).write(to: URL(filePath: desk + "/rows.csv"))
        try FileManager.default.createSymbolicLink(
            atPath: desk + "/data", withDestinationPath: directory.path + "/data")
        try FileManager.default.createSymbolicLink(
            atPath: desk + "/fixtures",
            withDestinationPath: ForeignClient.repository.appending(path: "fixtures").path(percentEncoded: false))
        return desk
    }

    /// Pages that sign up themselves have no key yet.
    func environment(for page: Documentation) -> [String: String] {
        var environment = [
            "PATH": BuiltPrograms.directory + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8",
            "HOME": directory.path + "/" + page.name.replacing("/", with: "-"), "NRX_SERVER": server.url,
            "DATA": directory.path + "/data", "SESSION": session, "KEY": verifierKey,
        ]
        if !page.script.contains("nrx signup") { environment["NRX_API_KEY"] = apiKey }
        return environment
    }
}
