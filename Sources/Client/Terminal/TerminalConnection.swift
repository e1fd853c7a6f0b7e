import CanonicalJSON
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// A WebSocket to a session's terminal: `/api/workspaces/:id/terminal`, docs/dialects.md.
struct TerminalConnection: Sendable {
    /// Frames both ways.
    typealias Socket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>
    private typealias Refusal = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private enum Opened: Sendable {
        case socket(Socket)
        case refusal(Refusal)
    }

    /// Largest message that is taken, in bytes; the server sends 22 KiB at most.
    private static let messageBytesMax = 1 << 20
    private static let connectSeconds: Int64 = 10

    let socket: Socket

    /// Opens it.
    ///
    /// - Parameters:
    ///   - target: path and query.
    ///   - headers: beside those of the handshake.
    /// - Throws: ``ClientError/Code/network``; what `refusal` makes of an answer that is no 101.
    static func open(
        _ target: String, on server: ServerAddress, headers: HTTPHeaders,
        refusal: (Int, HTTPHeaders, [UInt8]) -> ClientError
    ) async throws(ClientError) -> TerminalConnection {
        let opened: Opened
        do {
            opened = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(connectSeconds))
                .connect(host: server.host, port: server.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if server.isSecure { try secure(channel, server.host) }
                        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                            configuration: upgrade(target, server, headers))
                    }
                }.get()
        } catch { throw ClientError(.network, "\(server.text) cannot be reached: \(error).") }
        switch opened {
        case .socket(let socket): return TerminalConnection(socket: socket)
        case .refusal(let answer): throw try await read(answer, refusal)
        }
    }

    private static func secure(_ channel: any Channel, _ host: String) throws {
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        // An address is not a name to ask for (RFC 6066 §3).
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host))
    }

    private static func upgrade(_ target: String, _ server: ServerAddress, _ headers: HTTPHeaders)
        -> NIOUpgradableHTTPClientPipelineConfiguration<Opened>
    {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
        head.headers.replaceOrAdd(name: "Host", value: server.authority)
        let upgrader = NIOTypedWebSocketClientUpgrader<Opened>(maxFrameSize: messageBytesMax) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                        maxAccumulatedFrameSize: messageBytesMax))
                return .socket(try Socket(wrappingChannelSynchronously: channel))
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration<Opened>(
            upgradeConfiguration: .init(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        .refusal(try Refusal(wrappingChannelSynchronously: channel))
                    }
                }))
        // A prompt may come in the same packet as the 101.
        configuration.leftOverBytesStrategy = .forwardBytes
        return configuration
    }

    private static func read(
        _ answer: Refusal, _ refusal: (Int, HTTPHeaders, [UInt8]) -> ClientError
    ) async throws(ClientError) -> ClientError {
        do {
            return try await answer.executeThenClose { inbound, _ in
                var head: HTTPResponseHead?
                var body: [UInt8] = []
                reading: for try await part in inbound {
                    switch part {
                    case .head(let found): head = found
                    case .body(let piece) where body.count + piece.readableBytes <= messageBytesMax:
                        body += piece.readableBytesView
                    case .body, .end: break reading
                    }
                }
                guard let head else { return ClientError(.network, "The server ended the connection.") }
                return refusal(Int(head.status.code), head.headers, body)
            }
        } catch { throw ClientError(.network, "The connection broke during the handshake: \(error).") }
    }
}
