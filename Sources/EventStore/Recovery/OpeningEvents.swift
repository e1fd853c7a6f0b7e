/// A lost log key's place is to be taken by the key that opens the log: what its recovery key signs for.
public struct LogKeyRecovery: Sendable {
    /// The log's recovery key.
    public let recoveryKey: any CheckpointSigner
    /// The id of the event, random as every event's.
    public let eventID: String

    public init(recoveryKey: any CheckpointSigner, eventID: String) {
        (self.recoveryKey, self.eventID) = (recoveryKey, eventID)
    }
}

// What is written before the log serves anybody: nothing else writes or signs then.
extension LogOpener.OpenedLog {
    /// The same log with its first event. Blocking.
    func appendingFirst(_ event: EventDraft) throws(EventLogError) -> LogOpener.OpenedLog {
        guard let keys = FirstEvent.keys(in: Envelope(sequence: 0, event: event)) else {
            throw EventLogError(.signing, "the log's key made a signature that does not hold.")
        }
        return try appending(event, keys: keys)
    }

    /// The same log with the event by which `signer`'s key takes the place of one that is lost. Blocking.
    func appendingRecovery(
        _ recovery: LogKeyRecovery, to signer: any CheckpointSigner, at time: Timestamp
    ) throws(EventLogError) -> (LogOpener.OpenedLog, EventDraft) {
        let rotation = try LogKeyRotation(
            recovering: keys.current, to: signer, lastSize: head.size, by: recovery.recoveryKey)
        var keys = keys
        do throws(NoteError) { try keys.apply(rotation) } catch {
            throw EventLogError(.signing, "the log's key cannot be recovered: \(error).", cause: error)
        }
        let event = rotation.event(id: recovery.eventID, at: time)
        return (try appending(event, keys: keys), event)
    }

    private func appending(_ draft: EventDraft, keys: LogKeyHistory) throws(EventLogError) -> LogOpener.OpenedLog {
        var writer = writer
        let commit = try writer.commit([EncodedEvent(draft)], at: draft.at)
        index.add(
            segmentFirstSequence: commit.segmentFirstSequence,
            batch: .init(firstSequence: commit.header.firstSequence, offset: commit.offset),
            treeBefore: commit.treeBefore)
        tiles.absorb(commit.growth)
        return LogOpener.OpenedLog(
            writer: writer, head: TreeHead(size: commit.header.treeSize, root: commit.header.root), index: index,
            tiles: tiles, checkpoint: checkpoint, keys: keys, lock: lock, report: report)
    }
}
