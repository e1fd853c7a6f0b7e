import EventStore
import Ledger
import Synchronization
import Vault

/// Gives an open log another key, in steps that a crash may separate: the vault keeps the next key, the log goes over to it,
/// the vault makes it its own. What is interrupted, the next start or the next rotation finishes.
final class LogKeyRotator: Sendable {
    private let log: EventLog
    private let vault: Vault
    private let submit: LogEventSubmission?
    private let worker = SerialWorker(name: "nrx.rotate")
    private let isRotating = Mutex(false)

    /// - Parameter submit: how events get into the log; nil where nobody else appends.
    init(log: EventLog, vault: Vault, submit: LogEventSubmission? = nil) {
        (self.log, self.vault, self.submit) = (log, vault, submit)
    }

    /// Rotates the log's key; a checkpoint by the new one is signed when this returns.
    ///
    /// - Parameter recoveryKey: the log's recovery key from now on; nil for the one it has.
    /// - Throws: ``ServerError`` while another rotation is under way; what the vault or the log could not do.
    func rotate(naming recoveryKey: VerifierKey?, at time: Timestamp) async throws -> LogKeyRotation {
        let isFirst = isRotating.withLock { isRotating in
            defer { isRotating = true }
            return !isRotating
        }
        guard isFirst else { throw ServerError("The log's key is being rotated already. Wait for that.") }
        defer { isRotating.withLock { $0 = false } }
        let (log, vault) = (log, vault)
        let next = try await worker.run { () throws in
            try vault.adoptNextLogKey(of: log)
            return try vault.prepareNextLogKey()
        }
        let rotated: Result<LogKeyRotation, EventLogError>
        do throws(EventLogError) {
            rotated = .success(
                try await log.rotateKey(
                    to: next, naming: recoveryKey, eventID: EventID.random.text, at: time, submit: submit))
        } catch { rotated = .failure(error) }
        // Also where only the checkpoint failed: the log has gone over, and its next checkpoint is by the new key.
        try await worker.run { () throws in try vault.adoptNextLogKey(of: log) }
        return try rotated.get()
    }
}

extension Vault {
    /// Makes the kept next key the vault's own if `log` has gone over to it. Blocking.
    ///
    /// Only an open log tells: opening has made durable what it read.
    func adoptNextLogKey(of log: EventLog) throws {
        if try nextLogKey()?.verifierKey == log.verifierKey { try adoptNextLogKey() }
    }
}

extension EventID {
    /// A fresh, unpredictable one.
    static var random: EventID {
        var generator = SystemRandomNumberGenerator()
        return EventID(using: &generator)
    }
}
