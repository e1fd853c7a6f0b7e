public import Logging
import NIOCore
import NIOPosix

/// Lets all tasks of this process run on the threads that read and write the network, instead of on threads of their own:
/// a request then goes from its bytes to its answer without waking another thread for each step, a fifth of what a
/// sign-up costs (docs/benchmarks.md). Those threads are as many as cores, and no task of this server ever waits for a
/// disk or a child on the thread that it runs on, so nothing is lost.
public enum TaskThreads {
    /// To be called once in the life of the process, first of all, before any task has been made that shall run there.
    public static func joinNetworkThreads(logger: Logger) {
        guard NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor() else {
            // A newer runtime than SwiftNIO knows: slower, and otherwise the same.
            return logger.notice("tasks run on threads of their own: the network's cannot be had")
        }
    }
}
