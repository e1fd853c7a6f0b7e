import EventStore
import Foundation
import Ledger
import Vault

/// Gives a log another key: `nrx-server rotate-log-key`, on the data directory of a server that is stopped.
public struct LogKeyRotating: Sendable {
    /// What a rotation did.
    public struct Outcome: Sendable {
        public let old: String
        public let new: String
        /// The largest tree that the old key may sign, in events.
        public let lastSize: UInt64
        /// The log's recovery key from now on; nil for none.
        public let recoveryKey: String?

        init(_ rotation: LogKeyRotation) {
            (old, new) = (rotation.old.description, rotation.new.description)
            lastSize = rotation.lastSize
            recoveryKey = rotation.recovery?.recoveryKey.description
        }
    }

    let configuration: ServerConfiguration

    private var logDirectory: String { configuration.dataDirectory + "/log" }

    /// - Parameter configuration: its `logRecoveryKey` is the one that the log names from the rotation on.
    public init(configuration: ServerConfiguration) { self.configuration = configuration }

    /// Rotates the key, endorsed by the old one. What a crash interrupts, the next start or the next rotation finishes.
    public func run() async throws -> Outcome {
        try checkDirectory()
        let configuration = configuration
        let (vault, log) = try await worker.run { () throws in
            let (vault, signer) = try Self.openVault(configuration)
            return try vault.closingOnFailure {
                let log = try openLog(signer, vault, recovery: nil)
                try vault.adoptNextLogKey(of: log)
                return (vault, log)
            }
        }
        let rotator = LogKeyRotator(log: log, vault: vault)
        return try await finish(log, vault) {
            try await rotator.rotate(naming: configuration.logRecoveryKey?.verifierKey, at: SystemClock.now())
        }
    }

    /// Puts a key of the vault in the place of the log's key, which is lost, endorsed by the recovery key. The vault is made
    /// where there is none; one from an old backup, older than the latest rotation, serves as well. Done again after a
    /// crash, it goes on where it was.
    ///
    /// - Parameter keyFile: of the recovery key's private half.
    /// - Throws: ``ServerError`` when the vault still holds the log's key, or the log names another recovery key or none.
    public func recover(with keyFile: String) async throws -> Outcome {
        try checkDirectory()
        let (vault, log) = try await worker.run { () throws in
            let recoveryKey = try RecoveryKey.read(keyFile)
            let keys = try Self.recoverable(by: recoveryKey.verifierKey, in: logDirectory)
            let vault = try Vault.open(
                directory: configuration.dataDirectory + "/vault", masterKeyFile: configuration.masterKeyFile,
                origin: keys.current.name)
            return try vault.closingOnFailure {
                guard vault.verifierKey != keys.current, try vault.nextLogKey()?.verifierKey != keys.current else {
                    throw ServerError(
                        "The vault holds the log's key, so nothing is lost. Rotate without --recovery-key.")
                }
                let recovery = LogKeyRecovery(recoveryKey: recoveryKey, eventID: EventID.random.text)
                let log = try openLog(try Self.freshKey(of: vault, in: keys), vault, recovery: recovery)
                try vault.adoptNextLogKey(of: log)
                return (vault, log)
            }
        }
        return try await finish(log, vault) {
            guard let rotation = log.rotations.last else { throw ServerError("The log's key was not recovered.") }
            return rotation
        }
    }

    /// The key of a vault that the log never had. A vault from an old backup holds an earlier key of the log, which cannot
    /// return, and beside it what makes personal data readable: that stays, and the vault gets another key.
    private static func freshKey(of vault: Vault, in keys: LogKeyHistory) throws -> any CheckpointSigner {
        if let next = try vault.nextLogKey(), keys.contains(next.verifierKey) { try vault.adoptNextLogKey() }
        return keys.contains(vault.verifierKey) ? try vault.prepareNextLogKey() : vault
    }

    private func checkDirectory() throws(ServerError) {
        guard Self.holdsLog(configuration.dataDirectory) else {
            throw ServerError(
                "\(configuration.dataDirectory) holds no log. Name the server's data directory with --data-dir.")
        }
    }

    private static func recoverable(
        by recoveryKey: VerifierKey, in directory: String
    ) throws -> LogKeyHistory {
        guard let keys = try LogKeyHistory.read(from: directory) else {
            throw ServerError("The log in \(directory) does not say whose it is. Audit it with `nrx-replay audit`.")
        }
        guard let named = keys.recoveryKey else {
            throw ServerError(
                "This log names no recovery key, so its key cannot be recovered. Go on with another log, in another data"
                    + " directory and under another origin; this one stays what it is for auditors.")
        }
        guard named == recoveryKey else {
            throw ServerError("This log's recovery key is \(named), not \(recoveryKey). Use the right file.")
        }
        return keys
    }

    private func openLog(
        _ signer: any CheckpointSigner, _ vault: Vault, recovery: LogKeyRecovery?
    ) throws -> EventLog {
        var log = EventLogConfiguration()
        log.segmentBytes = configuration.segmentBytes
        return try EventLog.open(
            directory: logDirectory, signer: signer, keeper: vault, configuration: log, clock: SystemClock.now,
            newEventID: { EventID.random.text }, recovery: recovery)
    }

    /// Closes both, whatever comes of `body`.
    private func finish(
        _ log: EventLog, _ vault: Vault, _ body: () async throws -> LogKeyRotation
    ) async throws -> Outcome {
        let rotated: Result<LogKeyRotation, any Error>
        do { rotated = .success(try await body()) } catch { rotated = .failure(error) }
        try await log.close()
        try await vault.close()
        return Outcome(try rotated.get())
    }

    private var worker: SerialWorker { SerialWorker(name: "nrx.rotate") }
}

extension LogKeyRotating {
    /// Whether there are events in a data directory.
    static func holdsLog(_ dataDirectory: String) -> Bool {
        do throws(EventLogError) {
            return try !LogScanner(directory: dataDirectory + "/log").segments().isEmpty
        } catch { return false }
    }

    /// Opens the vault, and says which of its keys the log has: where a rotation was begun and the log has gone over to the
    /// next key, that one. Once the log is open, ``Vault/adoptNextLogKey(of:)`` makes it the vault's own. Blocking; after
    /// an interrupted rotation it costs one reading of the log.
    ///
    /// - Throws: ``ServerError`` for a log whose vault is gone: a new vault would not be able to go on with it.
    static func openVault(_ configuration: ServerConfiguration) throws -> (vault: Vault, signer: any CheckpointSigner) {
        let directory = configuration.dataDirectory
        guard Vault.exists(in: directory + "/vault") || !holdsLog(directory) else {
            throw ServerError(
                "\(directory) holds a log, but not its vault. Put the vault back from its backup, into \(directory)/vault."
                    + " If it is lost, and this log names a recovery key: nrx-server rotate-log-key --recovery-key FILE."
            )
        }
        let vault = try Vault.open(
            directory: directory + "/vault", masterKeyFile: configuration.masterKeyFile, origin: configuration.origin)
        if let next = try vault.nextLogKey(),
            try LogKeyHistory.read(from: directory + "/log")?.current == next.verifierKey
        {
            return (vault, next)
        }
        return (vault, vault)
    }
}
