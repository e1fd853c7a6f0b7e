import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOSSL

/// How requests come in: plain HTTP/1.1, or TLS with HTTP/1.1 and HTTP/2, behind the same guards.
struct HTTPFront: Sendable {
    private let tls: TLSConfiguration?
    private let dialect: Dialect
    private let limits: HTTPServerLimits
    private let connectionsMax: Int
    /// Nil where addresses are not limited.
    private let connections: AddressConnections?

    /// Reads certificate and key.
    ///
    /// - Throws: ``ServerError`` naming the option that cannot work.
    init(configuration: ServerConfiguration, dialect: Dialect, limits: HTTPServerLimits = .init()) throws(ServerError) {
        tls = try configuration.tlsFiles()?.configuration()
        self.dialect = dialect
        self.limits = limits
        connectionsMax = configuration.connectionsMax
        connections =
            configuration.limitsAddresses
            ? AddressConnections(
                limit: configuration.connectionsPerAddressMax, exempt: try configuration.trustedProxyRanges()) : nil
    }

    /// `http` or `https`.
    var scheme: String { tls == nil ? "http" : "https" }

    /// Stops accepting while as many connections are open as may be.
    func connectionLimit(_ logger: Logger) -> MaximumAvailableConnections {
        MaximumAvailableConnections(connectionsMax, logger: logger)
    }

    /// What Hummingbird makes a channel for each connection with.
    ///
    /// - Parameters:
    ///   - door: decides about WebSockets.
    ///   - immediate: answers what it can at once; without it everything goes through `responder`.
    func builder(
        _ door: WebSocketDoor, _ immediate: ImmediateAnswering? = nil, _ socketLimits: WebSocketLimits = .init()
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            let http1 = UpgradingChannel(
                responder: responder, door: door, immediate: immediate, limits: limits, socketLimits: socketLimits,
                configuration: stream)
            guard let tls else { return bound(http1) }
            let http2 = HTTP2Channel(
                responder: responder,
                configuration: .init(
                    idleTimeout: .seconds(limits.idleSecondsMax), gracefulCloseTimeout: .seconds(limits.idleSecondsMax),
                    streamConfiguration: stream))
            return bound(try SecureUpgradingChannel(tls: tls, http1: http1, http2: http2))
        }
    }

    private func bound(_ channel: some ServerChildChannel) -> any ServerChildChannel {
        ConnectionChannel(base: channel, connections: connections)
    }

    private var stream: HTTP1Channel.Configuration {
        let (limits, dialect) = (limits, dialect)
        return HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(limits: limits, dialect: dialect)],
            idleTimeout: .seconds(limits.idleSecondsMax),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerFieldBytesMax, maxHeaderListSize: limits.headerBytesMax,
                maxHeaderFieldCount: limits.headerFieldsMax))
    }
}
