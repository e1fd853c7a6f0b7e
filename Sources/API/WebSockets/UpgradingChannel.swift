import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// An HTTP/1.1 connection whose first request may make it a WebSocket.
struct UpgradingChannel: HTTPChannelHandler {
    typealias Socket = NIOAsyncChannel<WebSocketMessage, WebSocketOutput>
    typealias HTTP = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    enum Negotiated: Sendable {
        case http(HTTP)
        case socket(Socket, WebSocketDoor.Session)
    }

    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        let channel: any Channel
    }

    let responder: Responder
    let door: WebSocketDoor
    /// Nil where everything is answered through the responder.
    let immediate: ImmediateAnswering?
    let limits: HTTPServerLimits
    let socketLimits: WebSocketLimits
    let configuration: HTTP1Channel.Configuration

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let decision = UpgradeDecision()
            var limit = NIOHTTPDecoderLimitConfiguration()
            limit.maxHeaderFieldSize = configuration.httpDecoder.maxHeaderFieldSize
            limit.maxHeaderListSize = configuration.httpDecoder.maxHeaderListSize
            limit.maxHeaderFieldCount = configuration.httpDecoder.maxHeaderFieldCount
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limit))
            let gate = UpgradeGate(door: door, decision: decision, limits: limits)
            let upgrade = NIOTypedHTTPServerUpgradeHandler<Negotiated>(
                httpEncoder: encoder, extraHTTPHandlers: [decoder, gate],
                upgradeConfiguration: .init(upgraders: [upgrader(decision)]) { channel in
                    http(on: channel, logger: logger)
                })
            try channel.pipeline.syncOperations.addHandlers([encoder, decoder, gate, upgrade] as [any ChannelHandler])
            return Value(negotiated: upgrade.upgradeResultFuture, channel: channel)
        }
    }

    private func upgrader(_ decision: UpgradeDecision) -> NIOTypedWebSocketServerUpgrader<Negotiated> {
        NIOTypedWebSocketServerUpgrader<Negotiated>(
            maxFrameSize: max(125, door.messageBytesMax), enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, _ in
                var headers = HTTPHeaders()
                if let session = decision.get() {
                    headers.add(name: "X-Request-Id", value: session.trace)
                    if let name = session.subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: name) }
                }
                return channel.eventLoop.makeSucceededFuture(decision.get() == nil ? nil : headers)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    guard let session = decision.get() else {
                        throw NIOWebSocketUpgradeError.unsupportedWebSocketTarget
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        WebSocketHandler(limits: socketLimits, messageBytesMax: session.route.messageBytesMax))
                    return .socket(try Socket(wrappingChannelSynchronously: channel), session)
                }
            })
    }

    /// The rest of the pipeline, as Hummingbird's own channel for HTTP/1.1 has it.
    private func http(on channel: any Channel, logger: Logger) -> EventLoopFuture<Negotiated> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try operations.addHandlers(configuration.additionalChannelHandlers())
            try operations.addHandler(
                HTTPConnectionStateHandler(idleTimeout: .seconds(limits.idleSecondsMax), logger: logger))
            if let immediate { try operations.addHandler(ImmediateAnswerHandler(immediate)) }
            return .http(
                try HTTP(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http(let http): await handleHTTP(asyncChannel: http, logger: logger)
            case .socket(let socket, let session):
                try await socket.executeThenClose { inbound, outbound in
                    try await door.run(session, on: WebSocketConnection(inbound: inbound, outbound: outbound))
                    // The other end's closing frame, or the time for it, ends the connection.
                    try await value.channel.closeFuture.get()
                }
            }
        } catch {
            logger.debug("connection ended", metadata: ["error": .string("\(error)")])
        }
    }
}
