/// Follows the log's keys while it is opened, and refuses a log, or a checkpoint, of somebody else.
struct OpeningKeys {
    private let own: VerifierKey
    private var keys: LogKeyHistory?

    /// - Parameter own: the key that will sign from now on.
    init(_ own: VerifierKey) { self.own = own }

    mutating func take(_ events: [Envelope]) throws(EventLogError) {
        for event in events {
            // Whether the first event is what it must be, the log itself decides.
            if event.sequence == 0, let named = FirstEvent.verifierKey(in: event) { try begin(named) }
            guard event.event.type == LogKeyRotation.type else { continue }
            do throws(NoteError) { try keys?.apply(event) } catch {
                throw EventLogError(
                    .damaged, "the log's key was not rotated by its own key: \(error).",
                    sequences: event.sequence...event.sequence, cause: error)
            }
        }
    }

    private mutating func begin(_ named: VerifierKey) throws(EventLogError) {
        // Before anything else of another log is read. Its own key may have been rotated since.
        guard named.name == own.name else { throw Self.foreign(named, own: own) }
        keys = LogKeyHistory(first: named)
    }

    /// - Parameter checkpoint: the one beside the log.
    /// - Returns: the log's keys; the last of them is the one that was given.
    func finish(_ checkpoint: Checkpoint?, path: String) throws(EventLogError) -> LogKeyHistory {
        // An empty log will begin with this key.
        let keys = keys ?? LogKeyHistory(first: own)
        guard keys.current == own else { throw Self.foreign(keys.current, own: own) }
        if let checkpoint {
            do throws(NoteError) { try keys.verify(checkpoint) } catch {
                throw Self.foreign(checkpoint: error, path: path)
            }
        }
        return keys
    }

    private static func foreign(_ found: VerifierKey, own: VerifierKey) -> EventLogError {
        EventLogError(
            .foreign,
            "this log belongs to \(found), but the vault holds the key \(own). Put back the vault and log of one and the"
                + " same server.", sequences: 0...0)
    }

    static func foreign(checkpoint error: NoteError, path: String) -> EventLogError {
        EventLogError(
            .foreign,
            "the checkpoint does not belong to this log's key: \(error). Put back the vault and log of one and the same"
                + " server.", file: path, cause: error)
    }
}
