import CanonicalJSON

/// The first event of every log: what it is, whose key signs it, and which key may put another in that key's place.
public enum FirstEvent {
    public static let type = "log.created"
    public static let stream = "log"
    static let format: Int64 = 1

    static func draft(
        key: VerifierKey, recovery: RecoveryEndorsement? = nil, id: String, at time: Timestamp
    ) -> EventDraft {
        var data = JSONObject()
        data["format"] = .integer(format)
        data["origin"] = .string(key.name)
        data["verifier_key"] = .string(key.description)
        recovery?.write(to: &data)
        return EventDraft(
            id: id, at: time, actor: "system", stream: stream, trace: "startup", type: type, version: 1, data: data)
    }

    /// The verifier key that a log's first event names; nil when it is no such event.
    public static func verifierKey(in envelope: Envelope) -> VerifierKey? { keys(in: envelope)?.current }

    /// The log's keys as its first event names them; nil when it is no such event, or names a recovery key that the log's
    /// key did not sign for.
    public static func keys(in envelope: Envelope) -> LogKeyHistory? {
        guard envelope.sequence == 0, envelope.event.type == type, envelope.event.data["format"]?.integer == format,
            let text = envelope.event.data["verifier_key"]?.string, let key = VerifierKey(text),
            envelope.event.data["origin"]?.string == key.name
        else { return nil }
        do throws(NoteError) {
            return try LogKeyHistory(
                first: key, recovery: try RecoveryEndorsement.read(envelope.event.data, logKey: key))
        } catch { return nil }
    }
}
