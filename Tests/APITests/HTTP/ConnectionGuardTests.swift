import CanonicalJSON
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Testing

@testable import API

/// Slow clients and clients that do not speak HTTP, on a connection whose clock the test moves.
@Suite("Connection guard")
struct ConnectionGuardTests {
    private static let limits = HTTPServerLimits()

    private func connection() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: ConnectionGuard(limits: Self.limits, dialect: .native))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
        return channel
    }

    private static let head = HTTPRequestPart.head(
        HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: "/v1/signup"))
    private static let answer = HTTPResponsePart.head(HTTPResponse(status: .ok))

    @Test("a body that comes in drops is cut off when the request takes too long as a whole")
    func slowBody() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        for _ in 0..<Self.limits.requestSecondsMax - 1 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: " ")))
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test("a request that is whole may be worked on for longer than that")
    func longWork() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        try channel.writeInbound(HTTPRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.requestSecondsMax * 10))
        #expect(channel.isActive)
        try channel.writeOutbound(Self.answer)
        _ = try channel.finish()
    }

    @Test("a client that takes nothing of its answer is cut off; one that takes a little is not")
    func stalledReader() throws {
        let channel = try connection()
        // Without a flush a write stays pending, as it does at a client that does not read.
        channel.write(Self.answer, promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.stallSecondsMax - 1))
        channel.flush()
        channel.write(HTTPResponsePart.body(ByteBuffer(string: "a")), promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(channel.isActive, "the first write was taken")
        channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.stallSecondsMax))
        #expect(!channel.isActive, "the second was not")
    }

    @Test("what is no HTTP gets a 400 in the error format and the connection ends", arguments: [false, true])
    func nonsense(isOverflow: Bool) throws {
        let channel = try connection()
        let error: HTTPParserError = isOverflow ? .headerOverflow : .invalidMethod
        channel.pipeline.fireErrorCaught(error)
        guard case .head(let head)? = try channel.readOutbound(as: HTTPResponsePart.self),
            case .body(let body)? = try channel.readOutbound(as: HTTPResponsePart.self),
            case .end? = try channel.readOutbound(as: HTTPResponsePart.self)
        else {
            Issue.record("no whole answer")
            return
        }
        #expect(head.status.code == (isOverflow ? 431 : 400))
        #expect(head.headerFields[.connection] == "close")
        let answer = try JSONReader.read(Array(body.readableBytesView))
        #expect(answer["error"] == (isOverflow ? "RequestHeaderFieldsTooLarge" : "BadRequest"))
        #expect(!channel.isActive)
    }

    @Test("in the middle of a request there is no room for such an answer: the error goes on")
    func nonsenseInABody() throws {
        let channel = try connection()
        try channel.writeInbound(Self.head)
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidChunkSize)
        #expect(throws: HTTPParserError.self) { try channel.throwIfErrorCaught() }
        #expect(try channel.readOutbound(as: HTTPResponsePart.self) == nil)
    }
}
