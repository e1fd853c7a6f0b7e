import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Merkle
import ServerFixtures
import Testing

@testable import API

@Suite("GET /verify", .serialized, .timeLimit(.minutes(10)))
struct VerifyPageRouteTests {
    /// The text between two others.
    private func text(of page: String, from start: String, to end: String) throws -> String {
        let begin = try #require(page.firstRange(of: start)).upperBound
        let rest = page[begin...]
        return String(rest[..<(try #require(rest.firstRange(of: end)).lowerBound)])
    }

    @Test("anyone gets the page, with the log's key and a policy that forbids every connection")
    func page() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/verify")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(answer.headers["content-security-policy"])
            let directives = policy.components(separatedBy: "; ")
            #expect(directives.contains("default-src 'none'") && directives.contains("connect-src 'none'"))
            #expect(directives.contains("frame-ancestors 'none'") && directives.contains("form-action 'none'"))
            #expect(answer.headers["x-content-type-options"] == "nosniff")
            #expect(answer.headers["referrer-policy"] == "no-referrer")
            #expect(answer.headers["set-cookie"] == nil)
            let page = String(decoding: answer.body, as: UTF8.self)
            #expect(page.contains("content=\"\(server.server.log.verifierKey)\""))
            // What a page can say itself it says too, for whoever saves it.
            let own = try text(of: page, from: "http-equiv=\"Content-Security-Policy\" content=\"", to: "\"")
            #expect(policy == own + "; frame-ancestors 'none'")
        }
    }

    @Test("the policy's hashes are those of the very script and style in the page")
    func hashes() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/verify")
            let policy = try #require(answer.headers["content-security-policy"])
            let page = String(decoding: answer.body, as: UTF8.self)
            let script = try text(of: page, from: "<script type=\"module\">", to: "</script>")
            let style = try text(of: page, from: "<style>", to: "</style>")
            for (directive, content) in [("script-src", script), ("style-src", style)] {
                let hash = Hash(of: Array(content.utf8)).base64
                #expect(policy.components(separatedBy: "; ").contains("\(directive) 'sha256-\(hash)'"), "\(directive)")
            }
        }
    }
}
