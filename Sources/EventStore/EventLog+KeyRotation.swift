/// Puts the event of a rotation into the log: `event` makes it for the place that it will have, and is asked again where
/// somebody else's event took that place.
public typealias LogEventSubmission =
    @Sendable (_ event: (UInt64) throws(EventLogError) -> EventDraft) throws(EventLogError) -> PendingAppend

extension EventLog {
    /// The rotations of the log's key, oldest first: each endorsed by the key before it, or by the recovery key that this
    /// one named.
    public var rotations: [LogKeyRotation] { keys.rotations }

    /// Gives the log another key: an event that both keys sign, and at once a checkpoint by the new key that covers it.
    /// Nothing is signed in between. From then on the old key signs nothing more, and verifiers refuse it for larger trees.
    ///
    /// - Parameters:
    ///   - next: the new key, of the same origin.
    ///   - recoveryKey: the log's recovery key from now on; nil for the one it has.
    ///   - eventID: random, as every event's.
    ///   - submit: how events get into the log; nil for ``submit(_:expecting:)``. A caller who keeps a state beside the
    ///     log puts the event there in order.
    /// - Throws: `signing` when the key cannot take over; `io` when the event is not durable: reopening the log tells. When
    ///   only the checkpoint failed, the log's ``keys`` have changed all the same, and the next one is by the new key.
    public func rotateKey(
        to next: any CheckpointSigner, naming recoveryKey: VerifierKey? = nil, eventID: String, at time: Timestamp,
        submit: LogEventSubmission? = nil
    ) async throws(EventLogError) -> LogKeyRotation {
        let keys = keys
        guard next.verifierKey.name == origin, !keys.contains(next.verifierKey) else {
            throw EventLogError(.signing, "the new key must be of the origin \(origin), and never have been the log's.")
        }
        let checkpoints = checkpoints
        let submit = submit ?? submitAtTheEnd
        let recoveryKey = recoveryKey ?? keys.recoveryKey
        let rotation = try await reader.worker.run { () throws(EventLogError) in
            try checkpoints.rotate(to: next) { (current) throws(EventLogError) in
                var rotation: LogKeyRotation?
                let pending = try submit { (place) throws(EventLogError) in
                    let made = try LogKeyRotation(from: current, to: next, lastSize: place, naming: recoveryKey)
                    rotation = made
                    return made.event(id: eventID, at: time)
                }
                try pending.waitUntilDurable()
                guard let rotation, rotation.lastSize == pending.firstSequence else {
                    throw EventLogError(.unexpectedPosition, "the rotation stands elsewhere than it says.")
                }
                return rotation
            }
        }
        _ = try await signCheckpoint()
        return rotation
    }

    private func submitAtTheEnd(
        _ event: (UInt64) throws(EventLogError) -> EventDraft
    ) throws(EventLogError) -> PendingAppend {
        while true {
            let place = queue.nextSequence
            do throws(EventLogError) { return try queue.submit([try event(place)], expecting: place) } catch {
                // Somebody else's event took the place: sign for the next one.
                guard error.code == .unexpectedPosition else { throw error }
            }
        }
    }
}
