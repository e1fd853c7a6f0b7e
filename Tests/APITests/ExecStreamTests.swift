import CanonicalJSON
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import Sandbox
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

    @Test("a quiet command is kept alive by comments, which do not gather for a client that stalls")
    func keepAlive() async throws {
        try await TestServer.with(isolating: true) { server in
            let (session, begun) = try await Self.begin("while ! [ -e go ]; do sleep 0.01; done; echo went", on: server)
            let stream = ExecStream(begun, in: server.server.sessions, keepAlive: .milliseconds(10))
            var comments = 0
            var rest: [ServerSentEvent] = []
            while let event = await stream.next() {
                guard event == .keepAlive else {
                    rest.append(event)
                    continue
                }
                comments += 1
                // It goes on only after three comments have come.
                if comments == 3 { try await server.environment(of: session).writeFile("go", bytesMax: 1).close() }
            }
            #expect(comments >= 3)
            #expect(rest.map(\.name) == ["stdout", "result"])
            #expect(rest.first?.data["text"] == "went\n")
            #expect(String(decoding: ServerSentEvent.keepAlive.bytes, as: UTF8.self) == ": keep-alive\n\n")
        }
    }

    @Test("a client that goes away takes neither the command nor its record with it")
    func clientGoes() async throws {
        try await TestServer.with(isolating: true) { server in
            let (session, begun) = try await Self.begin("yes | head -c 3000000; touch done", on: server)
            var body: ExecStreamBody? = ExecStreamBody(ExecStream(begun, in: server.server.sessions))
            var writer: any ResponseBodyWriter = BrokenConnection()
            await #expect(throws: BrokenConnection.Failure.self) { try await body?.write(to: &writer) }
            body = nil
            #expect(try await server.waitFor([.active], of: session) == .active)
            let names = try await server.environment(of: session).files().map(\.name)
            #expect(names.contains("done"))
        }
    }

    @Test("a command that the session's lack of memory ends says so in its result, not as an error")
    func outOfMemory() async throws {
        try await TestServer.with(isolating: true) { server in
            let (_, begun) = try await Self.begin(
                "head -c 600000000 /dev/zero | tail -n 1 > /dev/null; echo $?", on: server)
            var last: ServerSentEvent?
            let stream = ExecStream(begun, in: server.server.sessions)
            while let event = await stream.next() { last = event }
            #expect(last?.name == "result")
            #expect(last?.data["out_of_memory"] == true && last?.data["exit_code"] == 137)
        }
    }

    @Test("an answer that is never written lets its command run to its end")
    func neverWritten() async throws {
        try await TestServer.with(isolating: true) { server in
            let (session, begun) = try await Self.begin("yes | head -c 3000000; touch done", on: server)
            _ = ExecStreamBody(ExecStream(begun, in: server.server.sessions))
            #expect(try await server.waitFor([.active], of: session) == .active)
            #expect(try await server.environment(of: session).files().map(\.name).contains("done"))
        }
    }

    /// A connection that takes one piece and then is gone.
    private struct BrokenConnection: ResponseBodyWriter {
        struct Failure: Error {}
        var pieces = 0

        mutating func write(_ buffer: ByteBuffer) async throws {
            pieces += 1
            if pieces > 1 { throw Failure() }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    /// A new customer's new session, and a command in it that has begun.
    private static func begin(
        _ command: String, on server: TestServer, remembering request: IdempotentRequest? = nil
    ) async throws -> (String, BegunExec) {
        let key = try await server.signUp()
        let session = try await server.createSession(key)
        let caller = try await server.principal(key)
        let exec = ExecCommand(
            command: .shell(command), receiptText: command, inputData: nil, workingDirectory: nil, environment: [:],
            timeoutSeconds: nil)
        let id = try #require(SessionID(session))
        return (
            session,
            try await server.server.sessions.begin(
                exec, in: id, by: caller, trace: "test", remembering: request)
        )
    }

    @Test(
        "a repeat while the answer is still being sent is told when to come back; it gets the answer once that is whole"
    )
    func repeatMeanwhile() async throws {
        try await TestServer.with(isolating: true) { server in
            let idempotent = server.server.secrets.request(
                try IdempotencyKey("k", opensSecret: false), scope: "s", request: "r", body: [])
            let (session, begun) = try await Self.begin("echo done", on: server, remembering: idempotent)
            let id = try #require(SessionID(session))
            let sessions = server.server.sessions
            let stream = ExecStream(begun, in: sessions)
            // The command has ended, but nobody has taken its output yet.
            #expect(try await server.waitFor([.active], of: session) == .active)
            let early = #expect(throws: APIError.self) { try sessions.recallAnswer(to: idempotent, in: id) }
            #expect(early?.code == .conflict && early?.retryAfterSeconds == 1, "\(String(describing: early))")
            var bytes: [UInt8] = []
            while let event = await stream.next() { bytes += event.bytes }
            #expect(!bytes.isEmpty)
            #expect(try sessions.recallAnswer(to: idempotent, in: id).body == bytes)
            // What is not kept is said to be gone, without a time to come back.
            let other = server.server.secrets.request(
                try IdempotencyKey("other", opensSecret: false), scope: "s", request: "r", body: [])
            let never = #expect(throws: APIError.self) { try sessions.recallAnswer(to: other, in: id) }
            #expect(never?.code == .conflict && never?.retryAfterSeconds == nil)
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
