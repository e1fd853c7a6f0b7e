/// What waits for the vault's thread. A pure state machine: it says what to do, ``VaultThread`` does it.
struct JobQueue {
    /// Calls that may wait; one more is refused as overloaded.
    static let waitingJobsMax = 65_536
    /// Calls that share one transaction.
    static let batchJobsMax = 4096

    private(set) var waiting: [Job] = []
    /// Why nothing is accepted any more.
    private var refusal: VaultError?
    /// Whether the thread has been woken for what waits.
    private var isAwake = false

    /// What the caller of ``add(_:)`` must do.
    enum Admission {
        case wakeThread
        case nothing
        case refuse(VaultError)
    }

    mutating func add(_ job: Job) -> Admission {
        if let refusal { return .refuse(refusal) }
        guard waiting.count < Self.waitingJobsMax else {
            return .refuse(VaultError(.overloaded, "\(waiting.count) calls wait for the vault's disk. Try again."))
        }
        waiting.append(job)
        defer { isAwake = true }
        return isAwake ? .nothing : .wakeThread
    }

    /// What the thread must do next.
    enum Step {
        case commit([Job])
        case sleep
        case end
    }

    mutating func next() -> Step {
        guard !waiting.isEmpty else {
            if refusal != nil { return .end }
            isAwake = false
            return .sleep
        }
        let batch = Array(waiting.prefix(Self.batchJobsMax))
        waiting.removeFirst(batch.count)
        return .commit(batch)
    }

    /// Accepts nothing more; what waits is still done.
    ///
    /// - Returns: whether the thread must be woken.
    mutating func close() -> Bool {
        guard refusal == nil else { return false }
        refusal = VaultError(.closed, "the vault was closed.")
        defer { isAwake = true }
        return !isAwake
    }

    /// Accepts nothing more; what waits must be failed by the caller.
    mutating func poison(_ error: VaultError) -> [Job] {
        refusal = error
        defer { waiting = [] }
        return waiting
    }
}
