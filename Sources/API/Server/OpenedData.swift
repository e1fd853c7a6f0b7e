import EventStore
import Ledger
import Logging
import Projections
import Vault

/// The data directory, opened: vault first (it holds the log's key), then the log with the state folded from it, then
/// the projections. Blocking.
struct OpenedData: Sendable {
    let vault: Vault
    let log: EventLog
    let state: State
    let store: ProjectionStore

    init(configuration: ServerConfiguration, surroundings: Surroundings, logger: Logger) throws {
        let (vault, signer) = try LogKeyRotating.openVault(configuration)
        self.vault = vault
        (log, state, store) = try vault.closingOnFailure {
            let projections = try StartingProjections(
                path: configuration.dataDirectory + "/projections.sqlite", log: configuration.dataDirectory + "/log",
                logger: logger)
            let (log, state) = try Self.openLog(
                configuration, surroundings, signer: signer, vault: vault, projections: projections)
            return (log, state, try projections.open())
        }
        report(to: logger)
    }

    /// The log, and what is folded from its events while it is read: the state, and projections that have to be built.
    private static func openLog(
        _ configuration: ServerConfiguration, _ surroundings: Surroundings, signer: any CheckpointSigner, vault: Vault,
        projections: StartingProjections
    ) throws -> (EventLog, State) {
        var state = State()
        var logConfiguration = EventLogConfiguration()
        logConfiguration.segmentBytes = configuration.segmentBytes
        logConfiguration.recompressesSealedSegments = configuration.recompressesLog
        logConfiguration.recoveryKey = configuration.logRecoveryKey?.verifierKey
        logConfiguration.committed = { [metrics = surroundings.metrics] in metrics.committed($0) }
        let log = try EventLog.open(
            directory: configuration.dataDirectory + "/log", signer: signer, keeper: vault,
            configuration: logConfiguration,
            fileSystem: surroundings.fileSystem, clock: surroundings.now,
            newEventID: { EventID.random.text },
            visit: { events in
                for event in events { try state.apply(event) }
                projections.take(events)
            })
        try vault.adoptNextLogKey(of: log)
        return (log, state)
    }

    private func report(to logger: Logger) {
        logger.info(
            "opened",
            metadata: [
                "origin": .string(log.origin), "events": .stringConvertible(log.head.size),
                "projections": .string("\(store.opening)"),
            ])
        if log.head.size == 1, log.keys.recoveryKey == nil {
            logger.notice(
                """
                this log names no recovery key: should its vault be lost, no key can take the place of the log's key. Make \
                one with `nrx-server recovery-key FILE`, name FILE.pub with `nrx-server admin rotate-log-key \
                --log-recovery-key`, and keep FILE offline
                """)
        }
        if case .torn(let file, let offset, let bytes, let why) = log.recovery.tail {
            logger.warning(
                "an unacknowledged write was set aside",
                metadata: [
                    "file": .string(file), "offset": .stringConvertible(offset), "bytes": .stringConvertible(bytes),
                    "why": .string(why), "kept": .string(log.recovery.cutFile ?? "-"),
                ])
        }
    }
}
