import Synchronization

/// The thread that commits: takes what has gathered, makes it durable, tells everyone.
struct WriterThread: Sendable {
    let queue: AppendQueue
    let feed: CommitFeed
    let tiles: TileTree
    let index: SegmentIndex
    let checkpoints: CheckpointKeeper
    let preparer: SegmentPreparer?
    let recompression: RecompressionThread?
    let clock: @Sendable () -> Timestamp
    let committed: @Sendable (CommitMeasurement) -> Void

    /// Commits until the queue is closed and drained, then seals the segment; or until something fails.
    ///
    /// - Returns: what failed, or nil.
    func run(_ opened: LogWriter) -> EventLogError? {
        var writer = opened
        do throws(EventLogError) {
            while true {
                switch queue.take() {
                case .commit(let entries):
                    do throws(EventLogError) { try commit(entries, with: &writer) } catch {
                        fail(entries, with: error)
                        throw error
                    }
                case .end:
                    try writer.seal()
                    return nil
                }
            }
        } catch { return error }
    }

    private func commit(_ entries: [AppendQueue.Entry], with writer: inout LogWriter) throws(EventLogError) {
        let encoded = entries.count == 1 ? entries[0].encoded : entries.flatMap(\.encoded)
        let commit = try writer.commit(encoded, at: clock()) { preparer?.take() }
        committed(commit.measurement)
        let head = TreeHead(size: commit.header.treeSize, root: commit.header.root)
        let hasRolled = index.add(
            segmentFirstSequence: commit.segmentFirstSequence,
            batch: .init(firstSequence: commit.header.firstSequence, offset: commit.offset),
            treeBefore: commit.treeBefore)
        if hasRolled { recompression?.noteSealed() }
        tiles.absorb(commit.growth)
        feed.publish(envelopes(of: entries), head: head)
        if entries.count == 1 {
            answer(entries, head: head)
        } else {
            // Off this thread, which then takes the next batch at once: measured 10 to 30 % more appends from 64 writers.
            Task { answer(entries, head: head) }
        }
        checkpoints.noteGrowth()
    }

    private func answer(_ entries: [AppendQueue.Entry], head: TreeHead) {
        for entry in entries {
            entry.pending.resolve(
                .success(AppendReceipt(firstSequence: entry.firstSequence, count: entry.drafts.count, head: head)))
        }
    }

    private func envelopes(of entries: [AppendQueue.Entry]) -> [Envelope] {
        var envelopes: [Envelope] = []
        envelopes.reserveCapacity(entries.reduce(0) { $0 + $1.drafts.count })
        for entry in entries {
            for (offset, draft) in entry.drafts.enumerated() {
                envelopes.append(Envelope(sequence: entry.firstSequence + UInt64(offset), event: draft))
            }
        }
        return envelopes
    }

    /// Poisons the log: these entries and all that wait fail, nothing more is accepted.
    private func fail(_ entries: [AppendQueue.Entry], with error: EventLogError) {
        let poison = EventLogError(
            .poisoned, "an earlier write failed (\(error.message)) Restart the server to re-read the disk.",
            cause: error)
        queue.refuse(with: poison, discarding: true)
        for entry in entries { entry.pending.resolve(.failure(error)) }
        feed.end(failure: poison)
    }
}

/// A value that comes once; async code may wait for it, anyone may look.
final class PendingResult<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    func resolve(_ value: Value) {
        let waiters = state.withLock { state in
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    func wait() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state in
                if state.value == nil { state.waiters.append(continuation) }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
    }

    /// The value, or nil before it came. Of an optional value, both layers are flattened.
    var value: Value? { state.withLock { $0.value } }
}
