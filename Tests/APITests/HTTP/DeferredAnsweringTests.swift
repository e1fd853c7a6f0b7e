import CanonicalJSON
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import ServerFixtures
import Synchronization
import Testing

@testable import API

/// Requests that are taken on the thread that read them and answered when the disk is done: the same answers as through the
/// router, in their order, each once.
@Suite("Deferred answers", .serialized, .timeLimit(.minutes(10)))
struct DeferredAnsweringTests {
    /// A route that answers when the test says so.
    private final class Postponed: Sendable {
        private let answers = Mutex<[@Sendable (Result<APIResponse, APIError>) -> Void]>([])

        var route: Route {
            Route(
                .post, "/v1/later", .public, idempotency: .rememberedSecret, readsProjections: false,
                deferred: DeferredAnswer { [self] _, answer throws(APIError) in
                    answers.withLock { $0.append(answer) }
                }, handler: { _ in .noContent })
        }

        /// How many requests it has taken and not answered.
        var waiting: Int { answers.withLock { $0.count } }

        /// Answers the first request that waits.
        func answer(_ result: Result<APIResponse, APIError> = .success(.json(["done": true]))) throws {
            let first = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            let answer = try #require(first)
            answer(result)
        }
    }

    /// Counts what gets through to the channel and to whatever stands behind the handler.
    private final class Recorder: ChannelDuplexHandler, Sendable {
        typealias InboundIn = HTTPRequestPart
        typealias OutboundIn = HTTPResponsePart
        typealias OutboundOut = HTTPResponsePart

        let reads = Atomic(0)
        let ends = Atomic(0)

        func read(context: ChannelHandlerContext) {
            reads.add(1, ordering: .relaxed)
            context.read()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { ends.add(1, ordering: .relaxed) }
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// One connection with the handler in it, on an event loop of its own.
    private struct Connection {
        let channel = NIOAsyncTestingChannel()
        let before = Recorder()
        let behind = Recorder()

        init(_ answering: ImmediateAnswering) async throws {
            _ = try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 80)).get()
            try await channel.testingEventLoop.executeInContext { [channel, before, behind] in
                try channel.pipeline.syncOperations.addHandlers([
                    before, ImmediateAnswerHandler(answering), behind,
                ])
            }
        }

        func send(
            _ method: HTTPRequest.Method, _ path: String, headers: [(String, String)] = [], body: String? = nil
        ) async throws {
            var fields = HTTPFields()
            if let body {
                fields[.contentType] = "application/json"
                fields[.contentLength] = "\(body.utf8.count)"
            }
            for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
            let head = HTTPRequest(
                method: method, scheme: "http", authority: "localhost", path: path, headerFields: fields)
            try await channel.writeInbound(HTTPRequestPart.head(head))
            if let body { try await channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: body))) }
            try await channel.writeInbound(HTTPRequestPart.end(nil))
        }

        /// The next answer; waits for it.
        func answer() async throws -> Answer {
            guard case .head(let head) = try await channel.waitForOutboundWrite(as: HTTPResponsePart.self),
                case .body(let body) = try await channel.waitForOutboundWrite(as: HTTPResponsePart.self),
                case .end = try await channel.waitForOutboundWrite(as: HTTPResponsePart.self)
            else { throw BrokenAnswer() }
            return Answer(
                status: head.status.code, headers: head.headerFields.map { ($0.name.rawName, $0.value) },
                body: Array(body.readableBytesView))
        }

        /// Whether anything was answered that was not looked at.
        func hasAnswered() async throws -> Bool {
            try await channel.readOutbound(as: HTTPResponsePart.self) != nil
        }

        /// How many parts were passed on since the last look.
        func passedOn() async throws -> Int {
            var count = 0
            while try await channel.readInbound(as: HTTPRequestPart.self) != nil { count += 1 }
            return count
        }
    }

    private struct BrokenAnswer: Error {}

    /// What differs between two answers to the same request: ids, times, and what is left of a limit.
    private static let own: Set<String> = [
        "content-length", "date", "server", "x-request-id", "ratelimit", "ratelimit-policy",
    ]

    @Test(
        "a sign-up is refused in the same words as through the router, and makes the same customer",
        arguments: [
            #"{"email":"NAME@company.com"}"#, #"{"email":"NAME@company.com","jurisdiction":"EU","name":"Ada"}"#,
            #"{"email":"NAME@company.com","password":"correct horse battery staple","name":"Ada"}"#,
            #"{"email":"taken@company.com"}"#, #"{"email":"NAME@company.com","password":"short"}"#,
            #"{"email":"NAME@company.com","jurisdiction":"Mars"}"#, #"{"email":"no address"}"#, #"{"email":7}"#, "{}",
            "[]", #"{"email":"#,
        ])
    func sameAnswers(form: String) async throws {
        try await TestServer.with { server in
            _ = try await server.signUp("taken@company.com")
            let connection = try await Connection(server.server.immediateAnswering)
            let expected = try await server.send(
                .post, "/v1/signup", bytes: Array(form.replacing("NAME", with: "router").utf8))
            try await connection.send(.post, "/v1/signup", body: form.replacing("NAME", with: "deferred"))
            let answer = try await connection.answer()
            #expect(answer.status == expected.status)
            #expect(
                answer.headers.filter { !Self.own.contains($0.key) }
                    == expected.headers.filter { !Self.own.contains($0.key) })
            guard answer.status == 201 else {
                #expect(answer.text == expected.text)
                return
            }
            #expect(try answer.json.object?.members.map(\.name) == expected.json.object?.members.map(\.name))
            let key = try #require(try answer.json["api_key"]?.string)
            let account = try await server.send(.get, "/v1/customers/me", key: key).json
            #expect(account["email"] == "deferred@company.com")
            #expect(account["customer_id"] == (try answer.json["customer_id"]))
        }
    }

    @Test("what a sign-up's sender does not accept, and a body that is no JSON, are refused as by the router")
    func otherTypes() async throws {
        try await TestServer.with { server in
            let connection = try await Connection(server.server.immediateAnswering)
            try await connection.send(
                .post, "/v1/signup", headers: [("Accept", "text/html")], body: #"{"email":"a@company.com"}"#)
            #expect(try await connection.answer().status == 406)
            try await connection.send(
                .post, "/v1/signup", headers: [("Content-Type", "text/plain")], body: #"{"email":"a@company.com"}"#)
            #expect(try await connection.answer().status == 415)
        }
    }

    @Test("an address's limit of sign-ups counts them here too, each once")
    func limit() async throws {
        try await TestServer.with(limited: true) { server in
            let connection = try await Connection(server.server.immediateAnswering)
            for number in 0..<10 {
                try await connection.send(.post, "/v1/signup", body: #"{"email":"u\#(number)@company.com"}"#)
                #expect(try await connection.answer().status == 201)
            }
            try await connection.send(.post, "/v1/signup", body: #"{"email":"one-more@company.com"}"#)
            #expect(try await connection.answer().status == 429)
        }
    }

    @Test("a request with an idempotency key is passed on to where answers are remembered")
    func idempotency() async throws {
        try await TestServer.with { server in
            let connection = try await Connection(server.server.immediateAnswering)
            try await connection.send(
                .post, "/v1/signup", headers: [("Idempotency-Key", "0123456789abcdef")],
                body: #"{"email":"a@company.com"}"#)
            #expect(try await connection.passedOn() == 3)
        }
    }

    @Test("requests behind one that waits are held, and then answered and passed on in their order")
    func order() async throws {
        try await TestServer.with { server in
            let postponed = Postponed()
            let routes = server.server.routes + [postponed.route]
            let connection = try await Connection(server.server.immediateAnswering(routes))
            try await connection.send(.post, "/v1/later", body: "{}")
            try await connection.send(.get, "/v1/keys/none")
            try await connection.send(.post, "/v1/later", body: "{}")
            try await connection.send(.get, "/v1/usage")
            #expect(postponed.waiting == 1, "the second one may not begin before the first is answered")
            #expect(try await !connection.hasAnswered())
            #expect(try await connection.passedOn() == 0)
            try postponed.answer()
            #expect(try await connection.answer().status == 200)
            #expect(try await connection.answer().status == 404)
            #expect(postponed.waiting == 1)
            #expect(try await connection.passedOn() == 0)
            try postponed.answer(.failure(.routeNotFound))
            #expect(try await connection.answer().status == 404)
            #expect(try await connection.passedOn() == 2)
        }
    }

    @Test("while an answer is awaited and more has come, nothing is read; the end of input waits too")
    func heldInput() async throws {
        try await TestServer.with { server in
            let postponed = Postponed()
            let connection = try await Connection(server.server.immediateAnswering([postponed.route]))
            try await connection.send(.post, "/v1/later", body: "{}")
            try await connection.send(.get, "/v1/usage")
            let reads = connection.before.reads.load(ordering: .relaxed)
            let channel = connection.channel
            try await channel.testingEventLoop.executeInContext {
                channel.pipeline.read()
                channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            #expect(connection.before.reads.load(ordering: .relaxed) == reads)
            #expect(connection.behind.ends.load(ordering: .relaxed) == 0)
            try postponed.answer()
            #expect(try await connection.answer().status == 200)
            try await channel.testingEventLoop.executeInContext {}
            #expect(connection.before.reads.load(ordering: .relaxed) == reads + 1)
            #expect(connection.behind.ends.load(ordering: .relaxed) == 1)
        }
    }

    @Test("the answer to a client that is gone is written to nobody, and counted; what it sent behind is not begun")
    func clientIsGone() async throws {
        try await TestServer.with { server in
            let postponed = Postponed()
            let connection = try await Connection(server.server.immediateAnswering([postponed.route]))
            for _ in 0..<2 { try await connection.send(.post, "/v1/later", body: "{}") }
            let channel = connection.channel
            // The answer comes while the channel is closed already and its handlers are still there.
            try await channel.testingEventLoop.executeInContext {
                try postponed.answer()
                channel.close(promise: nil)
            }
            await channel.testingEventLoop.run()
            #expect(try await !connection.hasAnswered())
            #expect(postponed.waiting == 0)
            #expect(try await connection.passedOn() == 0)
            let metrics = server.server.metricsRoute.text
            #expect(metrics.contains(#"route="/v1/later""#), "\(metrics)")
        }
    }
}
