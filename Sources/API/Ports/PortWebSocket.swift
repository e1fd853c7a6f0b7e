import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A WebSocket to a server inside a session, and its relay to a client outside. Whole messages go through, as fast as the
/// slower side takes them.
struct PortWebSocket: Sendable {
    /// Longest message from inside, in bytes.
    static let messageBytesMax = 1 << 20
    private static let fragmentsMax = 1_024
    private static let silenceSecondsMax: Int64 = 300

    private typealias FrameChannel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    private enum Opened: Sendable {
        case webSocket(FrameChannel)
        case refused
    }

    /// With a slash in front, as it is sent.
    let target: String
    let port: UInt16

    /// Runs until either side ends.
    func relay(over socket: PortSocket, _ connection: WebSocketConnection) async throws -> WebSocketClose {
        let opened: Opened
        do { opened = try await open(over: socket) } catch { opened = .refused }
        guard case .webSocket(let channel) = opened else {
            return WebSocketClose(1_014, "The server inside took no WebSocket.")
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: WebSocketClose.self) { group in
                group.addTask { try await Self.inward(connection, outbound) }
                group.addTask { try await Self.outward(inbound, connection, outbound) }
                defer { group.cancelAll() }
                return try await group.next() ?? .normal
            }
        }
    }

    private func open(over socket: PortSocket) async throws -> Opened {
        let (target, port) = (target, port)
        let upgrade = try await socket.channel { channel in
            channel.eventLoop.makeCompletedFuture {
                let upgrader = NIOTypedWebSocketClientUpgrader<Opened>(maxFrameSize: Self.messageBytesMax) {
                    channel, _ in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers([
                            NIOWebSocketFrameAggregator(
                                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: Self.fragmentsMax,
                                maxAccumulatedFrameSize: Self.messageBytesMax),
                            IdleStateHandler(allTimeout: .seconds(Self.silenceSecondsMax)), SilenceEnd(),
                        ])
                        return .webSocket(try FrameChannel(wrappingChannelSynchronously: channel))
                    }
                }
                let head = HTTPRequestHead(
                    version: .http1_1, method: .GET, uri: target, headers: ["Host": "localhost:\(port)"])
                let configuration = NIOTypedHTTPClientUpgradeConfiguration<Opened>(
                    upgradeRequestHead: head, upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.close(promise: nil)
                        return channel.eventLoop.makeSucceededFuture(.refused)
                    })
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                    configuration: .init(upgradeConfiguration: configuration))
            }
        }
        return try await upgrade.get()
    }

    private static func inward(
        _ connection: WebSocketConnection, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws -> WebSocketClose {
        for try await message in connection.inbound {
            let (opcode, data): (WebSocketOpcode, ByteBuffer) =
                switch message {
                case .text(let text): (.text, ByteBuffer(string: text))
                case .binary(let bytes): (.binary, ByteBuffer(bytes: bytes))
                }
            try await outbound.write(frame(opcode, data))
        }
        var close = ByteBuffer()
        close.writeInteger(WebSocketClose.normal.code)
        try await outbound.write(frame(.connectionClose, close))
        return .normal
    }

    private static func outward(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, _ connection: WebSocketConnection,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws -> WebSocketClose {
        for try await frame in inbound {
            switch frame.opcode {
            case .text:
                guard let text = String(validating: frame.unmaskedData.readableBytesView, as: UTF8.self) else {
                    return .notUTF8
                }
                try await connection.send(text: text)
            case .binary: try await connection.send(Array(frame.unmaskedData.readableBytesView))
            case .ping: try await outbound.write(Self.frame(.pong, frame.unmaskedData))
            case .connectionClose: return close(frame.unmaskedData)
            default: break
            }
        }
        return WebSocketClose(1_001, "The server inside ended the connection.")
    }

    /// A client's frames are masked (RFC 6455 §5.3).
    private static func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    }

    /// The other end's reason, when it is one that may be sent on (RFC 6455 §7.4.1).
    private static func close(_ data: ByteBuffer) -> WebSocketClose {
        var data = data
        guard let code = data.readInteger(as: UInt16.self) else { return .normal }
        switch code {
        case 1_000...1_003, 1_007...1_014, 3_000...4_999:
            return WebSocketClose(code, String(decoding: data.readableBytesView, as: UTF8.self))
        default: return .failed
        }
    }
}
