/// Follows the log's keys while it is opened, and refuses a log, or a checkpoint, of somebody else.
struct OpeningKeys {
    private let own: VerifierKey
    /// The recovery key that lets ``own`` take the place of the log's key.
    private let recoveryKey: VerifierKey?
    private var keys: LogKeyHistory?

    /// - Parameters:
    ///   - own: the key that will sign from now on.
    ///   - recoveryKey: by whose leave, where `own` is not the log's key yet.
    init(_ own: VerifierKey, recoveredBy recoveryKey: VerifierKey? = nil) {
        (self.own, self.recoveryKey) = (own, recoveryKey)
    }

    mutating func take(_ events: [Envelope]) throws(EventLogError) {
        for event in events {
            // Whether the first event is what it must be, the log itself decides.
            if event.sequence == 0, let named = FirstEvent.keys(in: event) { try begin(named) }
            guard LogKeyRotation.isCarried(byType: event.event.type) else { continue }
            do throws(NoteError) { try keys?.apply(event) } catch {
                throw EventLogError(
                    .damaged, "the log's key was not rotated by one that may: \(error).",
                    sequences: event.sequence...event.sequence, cause: error)
            }
        }
    }

    private mutating func begin(_ named: LogKeyHistory) throws(EventLogError) {
        // Before anything else of another log is read. Its own key may have been rotated since.
        guard named.current.name == own.name else { throw foreign(named) }
        keys = named
    }

    /// - Parameter checkpoint: the one beside the log.
    /// - Returns: the log's keys; the last of them is the one that was given, unless it is to be recovered.
    func finish(_ checkpoint: Checkpoint?, path: String) throws(EventLogError) -> LogKeyHistory {
        // An empty log will begin with this key.
        let keys = keys ?? LogKeyHistory(first: own)
        if keys.current != own { try checkRecovery(of: keys) }
        if let checkpoint {
            do throws(NoteError) { try keys.verify(checkpoint) } catch {
                throw Self.foreign(checkpoint: error, path: path)
            }
        }
        return keys
    }

    private func checkRecovery(of keys: LogKeyHistory) throws(EventLogError) {
        guard let recoveryKey else { throw foreign(keys) }
        guard let named = keys.recoveryKey else {
            throw EventLogError(
                .foreign, "this log names no recovery key, so no other key can take the place of \(keys.current).")
        }
        guard named == recoveryKey else {
            throw EventLogError(
                .foreign, "this log's recovery key is \(named), not \(recoveryKey). Use the right file.")
        }
        guard !keys.contains(own) else {
            throw EventLogError(
                .foreign,
                "the vault holds \(own), an earlier key of this log, which cannot return. Move that vault away and start"
                    + " the recovery again: a new one is made.")
        }
    }

    private func foreign(_ found: LogKeyHistory) -> EventLogError {
        let recovery =
            found.recoveryKey == nil || found.current.name != own.name
            ? ""
            : " If that vault is lost, or only an older one is left: nrx-server rotate-log-key --recovery-key FILE."
        return EventLogError(
            .foreign,
            "this log belongs to \(found.current), but the vault holds the key \(own). Put back the vault and log of one"
                + " and the same server." + recovery, sequences: 0...0)
    }

    static func foreign(checkpoint error: NoteError, path: String) -> EventLogError {
        EventLogError(
            .foreign,
            "the checkpoint does not belong to this log's key: \(error). Put back the vault and log of one and the same"
                + " server.", file: path, cause: error)
    }
}
