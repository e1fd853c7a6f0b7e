import CanonicalJSON
import Foundation
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("Exec with Accept: text/event-stream", .enabled(if: Isolation.isAvailable))
struct ExecStreamTests {
    /// The events of an answer, comments left out.
    private func events(_ answer: Answer) throws -> [(name: String, data: JSONValue)] {
        try String(decoding: answer.body, as: UTF8.self).components(separatedBy: "\n\n").filter { !$0.isEmpty }
            .compactMap { block in
                let lines = block.components(separatedBy: "\n")
                guard lines.count == 2 else { return nil }
                let data = try JSONReader.read(Array(lines[1].dropFirst("data: ".count).utf8), numbers: .ieee754)
                return (String(lines[0].dropFirst("event: ".count)), data)
            }
    }

    @Test("output comes in pieces, the result last, and the command is recorded like any other")
    func streams() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let body: JSONValue = ["command": "echo one; sleep 0.2; echo zwö; echo bad >&2; exit 3"]
            let answer = try await server.send(
                .post, "/v1/sessions/\(session)/exec", key: key, headers: [("Accept", "text/event-stream")],
                bytes: body.canonicalBytes)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/event-stream")
            let events = try events(answer)
            let stdout = events.filter { $0.name == "stdout" }.compactMap { $0.data["text"]?.string }
            #expect(stdout.joined() == "one\nzwö\n")
            #expect(stdout.count >= 2, "the pieces came as one")
            #expect(events.first { $0.name == "stderr" }?.data["text"] == "bad\n")
            let result = try #require(events.last)
            #expect(result.name == "result")
            #expect(result.data["exit_code"] == 3)
            #expect(result.data["receipt"]?["sha256"]?.string?.utf8.count == 64)
            #expect(try await server.status(of: session, key: key) == "active")
        }
    }

    @Test("what is refused before it begins is an ordinary error, not a stream")
    func refused() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let stranger = try await server.signUp("stranger@company.com")
            let body: JSONValue = ["command": "true"]
            let answer = try await server.send(
                .post, "/v1/sessions/\(session)/exec", key: stranger, headers: [("Accept", "text/event-stream")],
                bytes: body.canonicalBytes)
            #expect(answer.status == 404)
            #expect(answer["error"] == "NotFound")
        }
    }
}

@Suite("Text out of pieces of bytes")
struct TextPiecesTests {
    @Test("characters cut anywhere come out whole, whatever the pieces")
    func pieces() {
        let text = "aé€😀z\u{301}"
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var pieces = TextPieces()
                var result = pieces.take(Array(bytes[..<first]))
                result += pieces.take(Array(bytes[first..<second]))
                result += pieces.take(Array(bytes[second...]))
                result += pieces.rest()
                #expect(Array(result.utf8) == bytes, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("bytes that are no text become replacement characters, and nothing is held back for ever")
    func invalid() {
        var pieces = TextPieces()
        #expect(pieces.take([0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
        #expect(pieces.take([0xE2, 0x82]) == "")
        #expect(pieces.take([0x41]).hasSuffix("A"))
        #expect(pieces.take([0xF0, 0x9F]) == "")
        #expect(!pieces.rest().isEmpty)
        #expect(pieces.rest() == "")
    }
}
