import CLinux
import Dispatch

/// A named thread of its own for blocking work, so that the cooperative pool never waits on a disk.
public enum DedicatedThread {
    /// Runs `body` on a new detached thread.
    ///
    /// - Parameter name: shown by `top -H` and debuggers; cut to 15 bytes by the kernel.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
        let result = nrx_start_thread(
            name,
            { context in
                guard let context else { return }
                Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().body()
            }, context)
        // A machine that cannot start a thread cannot run the server at all.
        precondition(result == 0, "cannot start the thread \(name): errno \(result)")
    }

    private final class ThreadBody: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// One thread that runs closures in the order they come, for blocking calls made from async code.
///
/// ```swift
/// let bytes = try await reader.run { try file.contents() }
/// ```
public final class SerialWorker: Sendable {
    private let queue: DispatchQueue

    public init(name: String) { queue = DispatchQueue(label: name) }

    /// Runs `body` on the worker's thread and waits for it without blocking a cooperative thread.
    public func run<R: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
        let result: Result<R, E> = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: Result { () throws(E) in try body() })
            }
        }
        return try result.get()
    }
}
