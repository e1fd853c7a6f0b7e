import HummingbirdCore
import Ledger
import Logging
import NIOCore

/// One connection, counted for its address and closed before anything is read of it (TLS included) when there are too
/// many.
struct ConnectionChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    /// Nil where addresses are not limited.
    let connections: AddressConnections?

    struct TooManyConnections: Error {}

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        guard let connections, let address = InternetAddress(of: channel) else {
            return base.setup(channel: channel, logger: logger)
        }
        guard connections.open(address) else {
            logger.debug("too many connections from one address")
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(TooManyConnections())
        }
        channel.closeFuture.whenComplete { _ in connections.close(address) }
        return base.setup(channel: channel, logger: logger)
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
