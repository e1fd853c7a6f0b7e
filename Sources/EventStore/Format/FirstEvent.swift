import CanonicalJSON

/// The first event of every log: what it is and whose key signs it.
public enum FirstEvent {
    public static let type = "log.created"
    public static let stream = "log"
    static let format: Int64 = 1

    static func draft(key: VerifierKey, id: String, at time: Timestamp) -> EventDraft {
        var data = JSONObject()
        data["format"] = .integer(format)
        data["origin"] = .string(key.name)
        data["verifier_key"] = .string(key.description)
        return EventDraft(
            id: id, at: time, actor: "system", stream: stream, trace: "startup", type: type, version: 1, data: data)
    }

    /// The verifier key that a log's first event names; nil when it is no such event.
    public static func verifierKey(in envelope: Envelope) -> VerifierKey? {
        guard envelope.sequence == 0, envelope.event.type == type, envelope.event.data["format"]?.integer == format,
            let text = envelope.event.data["verifier_key"]?.string, let key = VerifierKey(text),
            envelope.event.data["origin"]?.string == key.name
        else { return nil }
        return key
    }
}

extension LogOpener.OpenedLog {
    /// The same log with its first event. Blocking.
    func appendingFirst(_ draft: EventDraft) throws(EventLogError) -> LogOpener.OpenedLog {
        var writer = writer
        let commit = try writer.commit([EncodedEvent(draft)], at: draft.at)
        index.add(
            segmentFirstSequence: 0, batch: .init(firstSequence: 0, offset: commit.offset),
            treeBefore: commit.treeBefore)
        tiles.absorb(commit.growth)
        return LogOpener.OpenedLog(
            writer: writer, head: TreeHead(size: 1, root: commit.header.root), index: index, tiles: tiles,
            checkpoint: checkpoint, keys: keys, lock: lock, report: report)
    }
}
