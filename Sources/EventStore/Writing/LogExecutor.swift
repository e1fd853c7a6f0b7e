/// The log's writer thread as a place where tasks may run, for a caller that appends one event after the other.
///
/// ```swift
/// try await withTaskExecutorPreference(log.executor) {
///     for event in events { _ = try await log.append([event]) }
/// }
/// ```
///
/// Such a caller hands its event to the thread that it runs on and goes on there when the event is durable: no other
/// thread is woken, which takes 15 to 40 µs each time, a fifth of a lone append (docs/benchmarks.md). It is for tasks that
/// do little but append: while one of them runs, nothing is committed.
///
/// After the log was closed, or has failed, such tasks run where all others do.
public final class LogExecutor: TaskExecutor {
    private let queue: AppendQueue

    init(queue: AppendQueue) { self.queue = queue }

    /// Puts a task's next piece of work before the next commit.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !queue.submit(job) { globalConcurrentExecutor.enqueue(job) }
    }
}
