import CanonicalJSON
import EventStore
import HTTPTypes
import Ledger
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Proofs
import ServerFixtures
import Testing

@testable import API

/// Requests that are answered on the thread that read them: the same answers as through the router, in their order, and
/// counted once.
@Suite("Immediate answers", .serialized, .timeLimit(.minutes(10)))
struct ImmediateAnsweringTests {
    /// One connection with only the handler in it.
    private struct Connection {
        let channel: EmbeddedChannel

        init(_ answering: ImmediateAnswering) throws {
            channel = EmbeddedChannel()
            let address = try SocketAddress(ipAddress: "192.0.2.1", port: 80)
            try channel.connect(to: address).wait()
            channel.remoteAddress = address
            try channel.pipeline.syncOperations.addHandler(ImmediateAnswerHandler(answering))
        }

        /// Sends a request; the answer, or nil when it was passed on, whose parts can then be read.
        func send(
            _ method: HTTPRequest.Method, _ path: String, key: String? = nil, headers: [(String, String)] = [],
            pieces: [[UInt8]] = []
        ) throws -> Answer? {
            var fields = HTTPFields()
            if let key { fields[.authorization] = "Bearer \(key)" }
            if !pieces.isEmpty {
                fields[.contentType] = "application/json"
                fields[.contentLength] = "\(pieces.reduce(0) { $0 + $1.count })"
            }
            for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
            let head = HTTPRequest(
                method: method, scheme: "http", authority: "localhost", path: path, headerFields: fields)
            try channel.writeInbound(HTTPRequestPart.head(head))
            for piece in pieces { try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(bytes: piece))) }
            try channel.writeInbound(HTTPRequestPart.end(nil))
            return try answer()
        }

        private func answer() throws -> Answer? {
            guard case .head(let head)? = try channel.readOutbound(as: HTTPResponsePart.self) else { return nil }
            guard case .body(let body)? = try channel.readOutbound(as: HTTPResponsePart.self),
                case .end? = try channel.readOutbound(as: HTTPResponsePart.self)
            else { throw BrokenAnswer() }
            return Answer(
                status: head.status.code, headers: head.headerFields.map { ($0.name.rawName, $0.value) },
                body: Array(body.readableBytesView))
        }

        /// Parts that were passed on since the last look.
        func passedOn() throws -> [HTTPRequestPart] {
            var parts: [HTTPRequestPart] = []
            while let part = try channel.readInbound(as: HTTPRequestPart.self) { parts.append(part) }
            return parts
        }

        /// What answers the requests that were passed on finishes one.
        func finishPassedOn() throws {
            channel.write(HTTPResponsePart.head(HTTPResponse(status: .ok)), promise: nil)
            try channel.writeOutbound(HTTPResponsePart.end(nil))
            while try channel.readOutbound(as: HTTPResponsePart.self) != nil {}
        }
    }

    private struct BrokenAnswer: Error {}

    /// What differs between two answers to the same request: ids, times, and what is left of a limit.
    private static let own: Set<String> = ["date", "server", "x-request-id", "ratelimit", "ratelimit-policy"]

    /// The requests of the comparison, with the route's pattern.
    private static func requests(_ proof: [UInt8]) -> [(route: String, HTTPRequest.Method, String, [UInt8]?)] {
        [
            ("/v1/customers/me", .get, "/v1/customers/me", nil),
            ("/v1/proofs/:session_id", .get, "/v1/proofs/sess_00000000000000000000000000000000", nil),
            ("/v1/proofs/:session_id", .get, "/v1/proofs/nonsense", nil),
            ("/v1/keys/:id", .get, "/v1/keys/nrx-verify-20260301T140000Z-0123abcd", nil),
            ("/v1/verify", .post, "/v1/verify", proof),
            ("/v1/verify", .post, "/v1/verify", Array("{}".utf8)),
            ("/v1/verify", .post, "/v1/verify", Array("{\"a\":1,\"a\":2}".utf8)),
        ]
    }

    @Test("every caller gets the same answer as through the router, and the right one gets it at once")
    func sameAnswers() async throws {
        try await TestServer.with { server in
            let proof = try Fixtures.vector("cdp-1.0.json")
            let owner = try await server.signUp()
            let callers: [(name: String, key: String?)] = [
                ("owner", owner), ("nobody", nil), ("malformed", "nrx_live_x"),
                ("unknown", try APIKey(prefix: .nanorixLive, secret: Array(repeating: 7, count: 32)).text),
                ("test key", try await server.issueKey(owner, ["name": "t", "environment": "test"]).text),
                ("weak", try await server.issueKey(owner, ["name": "w", "permissions": ["usage:read"]]).text),
                ("stranger", try await server.signUp("else@company.com")),
            ]
            for (_, key) in callers { _ = try await server.send(.get, "/v1/usage", key: key) }
            let connection = try Connection(server.server.immediateAnswering)
            var atOnce: Set<String> = []
            for (route, method, path, body) in Self.requests(proof) {
                for (name, key) in callers {
                    let expected = try await server.send(method, path, key: key, bytes: body)
                    guard let answer = try connection.send(method, path, key: key, pieces: body.map { [$0] } ?? [])
                    else {
                        #expect(try !connection.passedOn().isEmpty)
                        try connection.finishPassedOn()
                        #expect(name != "owner", "\(route) was not answered at once")
                        continue
                    }
                    atOnce.insert(route)
                    #expect(answer.status == expected.status, "\(route) for \(name)")
                    #expect(answer.text == expected.text, "\(route) for \(name)")
                    #expect(
                        answer.headers.filter { !Self.own.contains($0.key) }
                            == expected.headers.filter { !Self.own.contains($0.key) }, "\(route) for \(name)")
                    #expect(answer.headers["x-request-id"]?.hasPrefix("req_") == true)
                }
            }
            let routes = Set(server.server.routes.filter { $0.immediate != nil }.map(\.path))
            #expect(atOnce == routes, "a route that answers at once is missing in this comparison")
        }
    }

    @Test("what a client does not accept, and a body that is no JSON, are refused as by the router")
    func otherTypes() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/usage", key: key)
            let connection = try Connection(server.server.immediateAnswering)
            let accept = [("Accept", "text/html")]
            #expect(try connection.send(.get, "/v1/customers/me", key: key, headers: accept)?.status == 406)
            #expect(try await server.send(.get, "/v1/customers/me", key: key, headers: accept).status == 406)
            let type = [("Content-Type", "text/plain")]
            #expect(try connection.send(.post, "/v1/verify", headers: type, pieces: [Array("{}".utf8)])?.status == 415)
            #expect(try await server.send(.post, "/v1/verify", headers: type, bytes: Array("{}".utf8)).status == 415)
        }
    }

    @Test("a revoked key is refused at once everywhere: the request is passed on to where that is noted")
    func revokedKey() async throws {
        try await TestServer.with { server in
            let owner = try await server.signUp()
            let (id, text) = try await server.issueKey(owner, ["name": "gone"])
            _ = try await server.send(.get, "/v1/customers/me", key: text)
            let connection = try Connection(server.server.immediateAnswering)
            #expect(try connection.send(.get, "/v1/customers/me", key: text)?.status == 200)
            #expect(try await server.send(.delete, "/v1/api-keys/\(id)", key: owner).status < 300)
            #expect(try connection.send(.get, "/v1/customers/me", key: text) == nil)
            #expect(try connection.passedOn().count == 2)
        }
    }

    @Test("while a request that was passed on waits, none behind it is answered before it")
    func order() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            let connection = try Connection(server.server.immediateAnswering)
            #expect(try connection.send(.get, "/v1/usage", key: key) == nil)
            #expect(try connection.send(.get, "/v1/customers/me", key: key) == nil)
            try connection.finishPassedOn()
            #expect(try connection.send(.get, "/v1/customers/me", key: key) == nil, "one still waits")
            try connection.finishPassedOn()
            try connection.finishPassedOn()
            #expect(try connection.send(.get, "/v1/customers/me", key: key)?.status == 200)
        }
    }

    @Test("a client that does not take its answers is passed on to where reading stops")
    func stalledClient() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            let connection = try Connection(server.server.immediateAnswering)
            connection.channel.isWritable = false
            #expect(try connection.send(.get, "/v1/customers/me", key: key) == nil)
        }
    }

    @Test(
        "what needs more than one look is passed on whole",
        arguments: [
            [("Connection", "close")], [("Expect", "100-continue")], [("Transfer-Encoding", "chunked")],
            [("Content-Length", "70000")], [("Content-Length", "x")],
        ])
    func passedOnWhole(headers: [(String, String)]) async throws {
        try await TestServer.with { server in
            let connection = try Connection(server.server.immediateAnswering)
            let pieces = [Array("{".utf8), Array("}".utf8)]
            #expect(try connection.send(.post, "/v1/verify", headers: headers, pieces: pieces) == nil)
            #expect(try connection.passedOn().count == 4)
        }
    }

    @Test(
        "paths with a query, with something encoded, or longer ones are the router's",
        arguments: [
            "/v1/customers/me?x=1", "/v1/customers/me/", "/v1/proofs/a%2Fb", "/v1/proofs/", "/v1/proofs/a/b",
            "/v1/proofs",
        ])
    func otherPaths(path: String) async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            #expect(try Connection(server.server.immediateAnswering).send(.get, path, key: key) == nil)
        }
    }

    @Test("a request that the minute's limit refuses is not counted in the month")
    func refusedByLimit() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            let id = try #require(try await server.principal(key).keyID)
            #expect(try await server.send(.get, "/v1/customers/me", key: key).status == 200)
            let connection = try Connection(server.server.immediateAnswering)
            for _ in 1..<60 { #expect(try connection.send(.get, "/v1/customers/me", key: key)?.status == 200) }
            #expect(server.server.meter.unused(of: id) == 40)
            let refused = try #require(try connection.send(.get, "/v1/customers/me", key: key))
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] != nil)
            #expect(server.server.meter.unused(of: id) == 40)
        }
    }

    @Test("an address over its limit is refused here too, and its request is not counted in the month")
    func refusedAddress() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            let id = try #require(try await server.principal(key).keyID)
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            let connection = try Connection(server.server.immediateAnswering)
            let body = try Fixtures.vector("cdp-1.0.json")
            for _ in 0..<60 { #expect(try connection.send(.post, "/v1/verify", pieces: [body])?.status == 200) }
            #expect(try connection.send(.post, "/v1/verify", pieces: [body])?.status == 429)
            for _ in 0..<939 { _ = try connection.send(.get, "/v1/keys/none") }
            #expect(try connection.send(.get, "/v1/customers/me", key: key)?.status == 429)
            #expect(server.server.meter.unused(of: id) == 99)
        }
    }

    @Test("a route that is not ready is passed on, and nothing was counted")
    func notReady() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let id = try #require(try await server.principal(key).keyID)
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            let before = server.server.meter.unused(of: id)
            let route = Route(
                .get, "/v1/customers/me", .key(.accountRead),
                immediate: ImmediateAnswer(isReady: { _ in false }, answer: { _ in .noContent }),
                handler: { _ in .noContent })
            #expect(try Connection(server.server.immediateAnswering([route])).send(.get, route.path, key: key) == nil)
            #expect(server.server.meter.unused(of: id) == before)
        }
    }

    @Test("dates are written as RFC 9110 does")
    func dates() {
        #expect(HTTPDate.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(of: 1_772_373_600) == "Sun, 01 Mar 2026 14:00:00 GMT")
    }
}
