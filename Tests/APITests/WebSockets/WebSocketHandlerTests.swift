import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import API

/// One WebSocket on an event loop whose clock the test moves.
@Suite("WebSocket handler")
struct WebSocketHandlerTests {
    private static let limits = WebSocketLimits()

    private func connection() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: WebSocketHandler(limits: Self.limits, messageBytesMax: 1_000))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
        return channel
    }

    private func frame(_ opcode: WebSocketOpcode, _ text: String = "", fin: Bool = true) -> WebSocketFrame {
        let mask: WebSocketMaskingKey = [1, 2, 3, 4]
        var data = ByteBuffer(string: text)
        data.webSocketMask(mask)
        return WebSocketFrame(fin: fin, opcode: opcode, maskKey: mask, data: data)
    }

    private func sent(_ channel: EmbeddedChannel) throws -> [WebSocketFrame] {
        var frames: [WebSocketFrame] = []
        while let frame = try channel.readOutbound(as: WebSocketFrame.self) { frames.append(frame) }
        return frames
    }

    private func code(_ frame: WebSocketFrame?) -> UInt16? {
        guard let frame, frame.opcode == .connectionClose else { return nil }
        return frame.data.getInteger(at: frame.data.readerIndex)
    }

    @Test(
        "a client that says nothing is asked; one that answers stays, one that does not is gone after the second time")
    func halfOpen() throws {
        let channel = try connection()
        let loop = channel.embeddedEventLoop
        for _ in 0..<10 {
            loop.advanceTime(by: .seconds(Self.limits.pingSeconds))
            #expect(try sent(channel).map(\.opcode) == [.ping])
            try channel.writeInbound(frame(.pong))
        }
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(Self.limits.pingSeconds))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(Self.limits.pingSeconds))
        #expect(!channel.isActive)
    }

    @Test("after our closing frame nothing is sent; the other end's ends the connection, or the time for it does")
    func closing() throws {
        for answers in [true, false] {
            let channel = try connection()
            try channel.writeOutbound(WebSocketOutput.close(WebSocketClose(4_001, "bye")))
            channel.write(WebSocketOutput.text(ByteBuffer(string: "late")), promise: nil)
            channel.flush()
            let frames = try sent(channel)
            #expect(frames.count == 1 && code(frames.first) == 4_001)
            try channel.writeInbound(frame(.text, "still talking"))
            #expect(try channel.readInbound(as: WebSocketMessage.self) == nil)
            #expect(channel.isActive)
            if answers {
                try channel.writeInbound(frame(.connectionClose))
            } else {
                channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.closeSecondsMax))
            }
            #expect(!channel.isActive)
        }
    }

    @Test("when the server stops: 1001, and no frame after it")
    func stopping() throws {
        let channel = try connection()
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(code(try sent(channel).first) == 1_001)
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(try sent(channel).isEmpty)
        channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.closeSecondsMax))
        #expect(!channel.isActive)
    }

    @Test("a half-closed connection ends: a client that cannot answer is no client")
    func halfClosed() throws {
        let channel = try connection()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!channel.isActive)
    }

    @Test("a text is one message however it is cut, also inside a character; control frames may come between")
    func fragments() throws {
        let channel = try connection()
        let bytes = Array("zwölf".utf8)
        var opcode = WebSocketOpcode.text
        for (index, byte) in bytes.enumerated() {
            let mask: WebSocketMaskingKey = [9, 8, 7, 6]
            var data = ByteBuffer(bytes: [byte])
            data.webSocketMask(mask)
            try channel.writeInbound(
                WebSocketFrame(fin: index == bytes.count - 1, opcode: opcode, maskKey: mask, data: data))
            try channel.writeInbound(frame(.ping, "p\(index)"))
            opcode = .continuation
        }
        #expect(try channel.readInbound(as: WebSocketMessage.self) == .text("zwölf"))
        #expect(try sent(channel).map(\.opcode) == Array(repeating: .pong, count: bytes.count))
        _ = try channel.finish()
    }

    @Test("a message of the largest size is taken, one byte more is 1009, in however many frames")
    func sizes() throws {
        let channel = try connection()
        try channel.writeInbound(frame(.text, String(repeating: "a", count: 1_000)))
        #expect(try channel.readInbound(as: WebSocketMessage.self) != nil)
        try channel.writeInbound(frame(.text, String(repeating: "a", count: 999), fin: false))
        try channel.writeInbound(frame(.continuation, "aa"))
        #expect(code(try sent(channel).first) == 1_009)
        #expect(try channel.readInbound(as: WebSocketMessage.self) == nil)
        channel.embeddedEventLoop.advanceTime(by: .seconds(Self.limits.closeSecondsMax))
        #expect(!channel.isActive)
    }

    @Test("a reason is cut to the 123 bytes that a closing frame has room for, never inside a character")
    func reasons() {
        let close = WebSocketClose(1_008, String(repeating: "ä", count: 100))
        #expect(close.reason.utf8.count == 122)
    }
}
