import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// NanoTerm's page, run as printed: only host and key are replaced.
@Suite("The printed NanoTerm page", .serialized, .timeLimit(.minutes(10)))
struct PrintedNanoTermTests {
    private static let host = "https://api.nanoterm.dev"
    private static let printedKey = "nt_live_a1b2c3d4..."
    /// The page's three error bodies, in its order.
    private static let errors = #"\{\n"error": \{.*?\n\}\n\}"#

    private struct World {
        let page: PrintedPage
        let directory: TemporaryDirectory
        let server: ServerProcess
        /// A live key of this dialect with every permission, on the plan Free.
        let key: String

        /// The page's command, with this server and key, behind `curl`'s own options.
        func run(_ command: String, _ more: String = "") throws -> String {
            try PrintedPage.shell(
                command.replacing(PrintedNanoTermTests.host, with: server.url)
                    .replacing(PrintedNanoTermTests.printedKey, with: key) + more, options: "-s -i")
        }

        /// An answer must say what the page prints, member for member; its `docs` leads to a page of this server.
        func expect(_ printed: JSONValue, in answer: JSONValue, _ sourceLocation: SourceLocation) async throws {
            let names = try #require(printed["error"]?.object?.names)
            for name in names where name != "docs" {
                #expect(answer["error"]?[name] == printed["error"]?[name], "\(answer)", sourceLocation: sourceLocation)
            }
            let link = try #require(answer["error"]?["docs"]?.string, "\(answer)", sourceLocation: sourceLocation)
            let code = try #require(answer["error"]?["code"]?.string)
            let linked = try await server.send("GET", link)
            #expect(linked.status == 200 && linked.text.contains(code), "\(link)", sourceLocation: sourceLocation)
        }
    }

    private func world() async throws -> World {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await server.signUp()
        let made = try await server.send("POST", "/api/keys", key: owner, ["name": "cli", "permission": "full"])
        let key = try #require(made["key"]?.string, "\(made)")
        return World(page: try PrintedPage("nanoterm"), directory: directory, server: server, key: key)
    }

    /// Head and body of what `curl -i` shows.
    private func split(_ text: String) throws -> (head: String, body: JSONValue) {
        let end = try #require(text.range(of: "\r\n\r\n"), "\(text)")
        return (
            String(text[..<end.lowerBound]),
            try JSONReader.read(Array(text[end.upperBound...].utf8), numbers: .ieee754)
        )
    }

    @Test("the curl command lists the workspaces of the key's owner")
    func command() async throws {
        let world = try await world()
        let command = try world.page.printed(#"curl https.*?\.\.\.'"#)
        #expect(command.contains(Self.host) && command.contains(Self.printedKey))
        let answer = try split(try world.run(command))
        #expect(answer.head.hasPrefix("HTTP/1.1 200") && answer.body == [], "\(answer)")
        #expect(await world.server.stop() == 0)
    }

    @Test("the error body of a workspace that is not there")
    func notFound() async throws {
        let world = try await world()
        let printed = try world.page.json(Self.errors)
        let answer = try await world.server.send("GET", "/api/workspaces/ws_abc", key: world.key)
        #expect(answer.status == 404)
        try await world.expect(printed, in: answer.json, #_sourceLocation)
        #expect(await world.server.stop() == 0)
    }

    @Test("426 in practice: status line, type and body")
    func upgradeRequired() async throws {
        let world = try await world()
        let command = try world.page.printed(#"curl https.*?\.\.\.'"#)
        let answer = try split(
            try world.run(command, " -H 'X-Client-Name: nanoterm-cli' -H 'X-Client-Version: 0.1.2'"))
        #expect(world.page.contains("HTTP/1.1 426 Upgrade Required"))
        #expect(answer.head.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"), "\(answer.head)")
        #expect(answer.head.lowercased().contains("content-type: application/json"))
        try await world.expect(try world.page.json(Self.errors, 1), in: answer.body, #_sourceLocation)
        #expect(await world.server.stop() == 0)
    }

    @Test("429 in practice: status line, Retry-After and body, and a page about the plans where the action says")
    func rateLimited() async throws {
        let world = try await world()
        let command = try world.page.printed(#"curl https.*?\.\.\.'"#)
        var answer = try split(try world.run(command))
        for _ in 0..<60 where !answer.head.contains(" 429 ") { answer = try split(try world.run(command)) }
        #expect(answer.head.hasPrefix("HTTP/1.1 429 Too Many Requests\r\n"), "\(answer.head)")
        let lines = answer.head.lowercased().split(separator: "\r\n")
        let seconds = try #require(
            lines.first { $0.hasPrefix("retry-after: ") }.flatMap { Int($0.dropFirst("retry-after: ".count)) })
        // The page's 17 seconds are this answer's, and its host is this server.
        let printed = try world.page.printed(Self.errors, 2).replacing("17s", with: "\(seconds)s")
            .replacing("https://nanoterm.dev", with: "")
        try await world.expect(
            try JSONReader.read(Array(printed.utf8), numbers: .ieee754), in: answer.body, #_sourceLocation)
        let plans = try await world.server.send("GET", "/pricing")
        #expect(plans.status == 200)
        for text in ["Free", "Developer", "Team", "Enterprise", "3,000"] { #expect(plans.text.contains(text)) }
        #expect(await world.server.stop() == 0)
    }
}
