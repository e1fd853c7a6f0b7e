import HummingbirdCore
import Ledger
import Logging
import NIOCore

/// One connection: counted for its address, closed before anything is read of it (TLS included) when there are too many,
/// and served on its own event loop.
///
/// Requests are answered on the thread that read them: by default each would go to another thread and back, which costs
/// more than most answers. What takes long (the disk, passwords, sandboxes) has threads of its own anyway.
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

    func handle(value: Base.Value, logger: Logger) async {
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            await base.handle(value: value, logger: logger)
        }
    }
}

/// Runs tasks on an event loop, one after the other.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
