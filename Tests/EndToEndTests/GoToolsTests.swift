import Foundation
import ServerFixtures
import Testing

/// What the Go project's transparency-log packages, which know nothing of this server, make of its log.
@Suite("Go's sumdb/note and sumdb/tlog", .serialized, .timeLimit(.minutes(10)), .enabled(if: GoTools.areAvailable))
struct GoToolsTests {
    @Test("they accept checkpoint, tiles, entries and proofs of a live server, and refuse any flipped tile")
    func acceptAndRefuse() async throws {
        let directory = try TemporaryDirectory()
        let checker = try GoTools.build(in: directory)
        let server = try await ServerProcess.start(in: directory)
        for number in 0..<160 { _ = try await server.signUp("a\(number)@example.com") }
        let first = String(try #require(try directory.lines().first))
        let key = try #require(first.firstMatch(of: #/"verifier_key":"([^"]+)"/#)?.1)
        func check() throws -> ProgramResult {
            try BuiltPrograms.run(checker, ["\(server.url)/v1/log", String(key)])
        }
        // One checkpoint a second is signed; the tile is full once one covers it.
        for _ in 0..<500 {
            if try await server.send("GET", "/v1/log/tile/0/000").status == 200 { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        let accepted = try check()
        #expect(accepted.status == 0, "\(accepted.text)\(accepted.errors)")
        #expect(accepted.text.contains("proofs: inclusion and consistency hold"), "\(accepted.text)")
        for tile in ["/tile/0/000", "/tile/entries/000"] {
            let path = directory.log + tile
            let whole = try Data(contentsOf: URL(filePath: path))
            var flipped = whole
            flipped[flipped.startIndex + 40] ^= 1
            try flipped.write(to: URL(filePath: path))
            let refused = try check()
            #expect(refused.status == 1, "\(tile): \(refused.text)\(refused.errors)")
            #expect(refused.text.contains("REFUSED"), "\(tile)")
            // The auditor names the file too.
            let audit = try BuiltPrograms.run(try BuiltPrograms.path("nrx-replay"), ["audit", directory.log])
            #expect(audit.status == 1 && audit.text.contains(tile), "\(audit.text)")
            try whole.write(to: URL(filePath: path))
        }
        #expect(try check().status == 0)
        let wrongKey = try BuiltPrograms.run(
            checker, ["\(server.url)/v1/log", "other.example/log" + key.drop { $0 != "+" }])
        #expect(wrongKey.status == 1)
        #expect(await server.stop() == 0)
    }
}

/// Go as Debian packages it: the compiler, and the module's sources under /usr/share/gocode.
enum GoTools {
    private static let sources = "/usr/share/gocode"

    /// False, with the reason printed, where Go is not installed; the tests run, and so fail, where `CI=true`.
    static let areAvailable: Bool = {
        let files = FileManager.default
        if files.isExecutableFile(atPath: "/usr/bin/go"),
            files.fileExists(atPath: sources + "/src/golang.org/x/mod/sumdb/tlog")
        {
            return true
        }
        print("Tests with Go's packages cannot work here: apt-get install golang-go golang-golang-x-mod-dev")
        return ProcessInfo.processInfo.environment["CI"] == "true"
    }()

    /// Builds the checker.
    static func build(in directory: TemporaryDirectory) throws -> String {
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "golden/main.go")
        let program = directory.path + "/check"
        let build = try BuiltPrograms.run(
            "/usr/bin/env",
            [
                "GO111MODULE=off", "GOPATH=\(sources)", "GOCACHE=\(directory.path)/go-cache", "GOFLAGS=", "go", "build",
                "-o", program, source.path(percentEncoded: false),
            ])
        try #require(build.status == 0, "\(build.errors)")
        return program
    }
}
