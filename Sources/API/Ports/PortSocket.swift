import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A connected socket to a port inside a session, as ``Sandbox/SessionEnvironment/connect(port:)`` hands it out. Closed with
/// the last who holds it, unless a channel took it over.
final class PortSocket: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    deinit { if let descriptor = take() { close(descriptor) } }

    /// Gives the descriptor away, once.
    private func take() -> Int32? {
        descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
    }

    /// Makes a channel of it, which owns the descriptor from then on.
    func channel<Output: Sendable>(
        _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) async throws -> Output {
        guard let descriptor = take() else { throw ChannelError.alreadyClosed }
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .withConnectedSocket(descriptor, channelInitializer: initializer)
    }
}

/// Closes a connection on which nothing moves any more, and tells nobody else.
final class SilenceEnd: ChannelInboundHandler {
    typealias InboundIn = Any

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
