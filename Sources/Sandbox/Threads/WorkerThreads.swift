import CLinux
import Dispatch
import Synchronization

/// Threads for work that blocks (a child's end, a pipe, a walk over files), so that Swift's own few never wait.
/// Grows with the work; idle threads leave after a while.
final class WorkerThreads: Sendable {
    typealias Job = @Sendable () -> Void

    /// How long a thread without work stays.
    private static let idleSeconds = 10
    private static let stackBytes = 512 * 1024

    private final class Worker: Sendable {
        let wake = DispatchSemaphore(value: 0)
        /// Set by whoever took the worker from the idle list, before `wake`.
        let job = Mutex<Job?>(nil)
    }

    /// Workers that wait; the newest last. Owned by its lock.
    private let idle = Mutex<[Worker]>([])

    /// Runs `body` on a thread of its own and returns what it returns.
    func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            start {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Runs `job` on a thread of its own.
    func start(_ job: @escaping Job) {
        if let worker = idle.withLock({ $0.popLast() }) {
            worker.job.withLock { $0 = job }
            worker.wake.signal()
            return
        }
        let worker = Worker()
        worker.job.withLock { $0 = job }
        let body: Job = { [self] in serve(worker) }
        // No thread to be had: the caller's thread does it, late but certainly.
        if Thread.detach(stackBytes: Self.stackBytes, body) != 0 { job() }
    }

    private func serve(_ worker: Worker) {
        while true {
            if let job = worker.job.withLock({ $0.take() }) { job() }
            idle.withLock { $0.append(worker) }
            if worker.wake.wait(timeout: .now() + .seconds(Self.idleSeconds)) == .success { continue }
            let left = idle.withLock { list in
                guard let index = list.firstIndex(where: { $0 === worker }) else { return false }
                list.remove(at: index)
                return true
            }
            if left { return }
            // Somebody took this worker at the last moment and is about to signal.
            worker.wake.wait()
        }
    }
}

/// A plain thread; the shim starts it because pthread_create is awkward from Swift.
enum Thread {
    private final class Box {
        let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// 0, or the errno.
    static func detach(stackBytes: Int, _ body: @escaping @Sendable () -> Void) -> Int32 {
        let box = Unmanaged.passRetained(Box(body))
        let failure = nrx_thread(
            stackBytes,
            { context in
                guard let context else { return }
                // The pointer is the box retained above; this takes that one reference back.
                Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
            }, box.toOpaque())
        if failure != 0 { box.release() }
        return failure
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
