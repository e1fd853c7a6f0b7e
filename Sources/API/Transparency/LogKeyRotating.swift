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
    }

    let configuration: ServerConfiguration

    public init(configuration: ServerConfiguration) { self.configuration = configuration }

    /// Rotates the key. What a crash interrupts, the next start or the next rotation finishes.
    public func run() async throws -> Outcome {
        let directory = configuration.dataDirectory
        let configuration = configuration
        guard FileManager.default.fileExists(atPath: directory + "/log") else {
            throw ServerError("\(directory) holds no log. Name the server's data directory with --data-dir.")
        }
        let (vault, log) = try await SerialWorker(name: "nrx.rotate").run { () throws in
            let vault = try Self.openVault(configuration)
            var logConfiguration = EventLogConfiguration()
            logConfiguration.segmentBytes = configuration.segmentBytes
            let log = try EventLog.open(
                directory: directory + "/log", signer: vault, keeper: vault, configuration: logConfiguration,
                clock: SystemClock.now, newEventID: Self.newEventID)
            return (vault, log)
        }
        let rotated: Result<LogKeyRotation, any Error>
        do { rotated = .success(try await Self.rotate(log, vault)) } catch { rotated = .failure(error) }
        try await log.close()
        try await vault.close()
        let rotation = try rotated.get()
        return Outcome(
            old: rotation.old.description, new: rotation.new.description, lastSize: rotation.lastSize)
    }

    private static func rotate(_ log: EventLog, _ vault: Vault) async throws -> LogKeyRotation {
        let worker = SerialWorker(name: "nrx.rotate")
        let next = try await worker.run { () throws in try vault.prepareNextLogKey() }
        let rotation = try await log.rotateKey(to: next, eventID: newEventID(), at: SystemClock.now())
        try await worker.run { () throws in try vault.adoptNextLogKey() }
        return rotation
    }

    /// Opens the vault. Where a rotation was begun, and the log has gone over to the next key, the vault does so too.
    /// Blocking; then it costs one reading of the log.
    static func openVault(_ configuration: ServerConfiguration) throws -> Vault {
        let directory = configuration.dataDirectory
        let vault = try Vault.open(
            directory: directory + "/vault", masterKeyFile: configuration.masterKeyFile, origin: configuration.origin)
        if let next = try vault.nextLogKey(),
            try LogKeyHistory.read(from: directory + "/log")?.current == next.verifierKey
        {
            try vault.adoptNextLogKey()
        }
        return vault
    }

    private static func newEventID() -> String {
        var generator = SystemRandomNumberGenerator()
        return EventID(using: &generator).text
    }
}
