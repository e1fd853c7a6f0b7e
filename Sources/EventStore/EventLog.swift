import Dispatch
import Merkle
import Synchronization

/// The tamper-evident event log: durable appends from many callers, reading from any position, subscriptions, signed
/// checkpoints and inclusion proofs. docs/log-format.md describes the bytes.
///
/// ```swift
/// let log = try EventLog.open(directory: "data/log", signer: vault, keeper: vault)
/// let receipt = try await log.append([event])
/// for try await events in log.subscribe(from: 0) { … }
/// try await log.close()
/// ```
///
/// One process per log. Nothing is acknowledged that the disk does not hold; after a failed write or sync the log is
/// poisoned and only reopening it, which re-reads the disk, can go on.
public final class EventLog: Sendable {
    private let configuration: EventLogConfiguration
    let queue: AppendQueue
    let feed: CommitFeed
    let reader: LogReader
    let tiles: TileTree
    let checkpoints: CheckpointKeeper
    private let preparer: SegmentPreparer?
    private let recompressor: RecompressionThread?
    private let writerEnded: PendingResult<EventLogError?>
    /// Held for as long as the log is open.
    private let lock: Mutex<(any File)?>
    /// What opening found.
    public let recovery: RecoveryReport
    public let origin: String
    /// The key that signs the log now.
    public var verifierKey: VerifierKey { keys.current }
    /// Every key that ever signed it.
    public var keys: LogKeyHistory { checkpoints.keys }

    /// Opens a log, or creates it with its first event, `log.created`. Blocking: reads and verifies every stored byte.
    ///
    /// - Parameters:
    ///   - directory: holds the segments and the checkpoint; created when absent.
    ///   - signer: the log's key; its name is the origin.
    ///   - keeper: remembers the highest head ever signed, apart from the log's files.
    ///   - clock: the server's clock.
    ///   - newEventID: makes the id of `log.created`; random.
    ///   - recovery: lets `signer`'s key take the place of the log's key, which is lost: an event says so before the log
    ///     serves anybody. Nil where the log's key is `signer`'s.
    ///   - visit: shown every event of the log in order while it is read.
    /// - Throws: ``EventLogError`` `locked`, `damaged`, `rolledBack`, `foreign` or `io`, with file, offset and events.
    public static func open(
        directory: String, signer: any CheckpointSigner, keeper: any SignedHeadKeeper,
        configuration: EventLogConfiguration = .init(), fileSystem: any FileSystem = POSIXFileSystem(),
        clock: @escaping @Sendable () -> Timestamp, newEventID: () -> String, recovery: LogKeyRecovery? = nil,
        visit: ([Envelope]) throws -> Void = { _ in }
    ) throws(EventLogError) -> EventLog {
        guard configuration.segmentBytes >= 4096, configuration.segmentBytes.isMultiple(of: 512) else {
            throw EventLogError(.configuration, "the segment size must be a multiple of 512, at least 4096 bytes.")
        }
        let opener = LogOpener(
            directory: directory, fileSystem: fileSystem, configuration: configuration, now: clock(),
            recoveryKey: recovery?.recoveryKey.verifierKey)
        var opened = try opener.open(signer: signer, keeper: keeper) { events in
            if let first = events.first, first.sequence == 0, FirstEvent.verifierKey(in: first) == nil {
                throw EventLogError(
                    .damaged, "the first event is not a log.created event of format 1.", sequences: 0...0)
            }
            try visit(events)
        }
        let size = opened.head.size
        var event: EventDraft?
        if size == 0 {
            let recovery = try configuration.recoveryKey.map { (key) throws(EventLogError) in
                try RecoveryEndorsement(by: signer, of: key)
            }
            let first = FirstEvent.draft(key: signer.verifierKey, recovery: recovery, id: newEventID(), at: clock())
            opened = try opened.appendingFirst(first)
            event = first
        } else if let recovery, opened.keys.current != signer.verifierKey {
            (opened, event) = try opened.appendingRecovery(recovery, to: signer, at: clock())
        }
        if let event {
            do { try visit([Envelope(sequence: size, event: event)]) } catch {
                throw EventLogError(.configuration, "event \(size) was refused: \(error)", cause: error)
            }
        }
        try checkRecoveryKey(configuration.recoveryKey, of: opened.keys)
        let log = EventLog(
            opened, directory: directory, fileSystem: fileSystem, configuration: configuration, signer: signer,
            keeper: keeper)
        log.start(writer: opened.writer, index: opened.index, clock: clock)
        return log
    }

    private static func checkRecoveryKey(_ wanted: VerifierKey?, of keys: LogKeyHistory) throws(EventLogError) {
        guard let wanted, keys.recoveryKey != wanted else { return }
        throw EventLogError(
            .configuration,
            "this log names \(keys.recoveryKey.map { "the recovery key \($0)" } ?? "no recovery key"), not \(wanted). Only a"
                + " rotation of the log's key can change that: nrx-server rotate-log-key --log-recovery-key FILE.")
    }

    private init(
        _ opened: LogOpener.OpenedLog, directory: String, fileSystem: any FileSystem,
        configuration: EventLogConfiguration, signer: any CheckpointSigner, keeper: any SignedHeadKeeper
    ) {
        self.configuration = configuration
        origin = signer.verifierKey.name
        recovery = opened.report
        tiles = opened.tiles
        lock = Mutex(opened.lock)
        queue = AppendQueue(nextSequence: opened.head.size, configuration: configuration)
        feed = CommitFeed(head: opened.head, eventsMax: configuration.feedEventsMax)
        reader = LogReader(directory: directory, fileSystem: fileSystem, index: opened.index, feed: feed)
        checkpoints = CheckpointKeeper(
            directory: directory, fileSystem: fileSystem, signer: signer, keys: opened.keys, keeper: keeper,
            feed: feed, tiles: tiles, intervalMilliseconds: configuration.checkpointIntervalMilliseconds,
            latest: opened.checkpoint)
        preparer =
            configuration.preparesSegmentsAhead
            ? SegmentPreparer(directory: directory, fileSystem: fileSystem, length: configuration.segmentBytes) : nil
        recompressor =
            configuration.recompressesSealedSegments
            ? RecompressionThread(
                directory: directory, fileSystem: fileSystem, index: opened.index,
                bytesPerSecondMax: configuration.recompressionBytesPerSecondMax) : nil
        writerEnded = PendingResult()
    }

    private func start(writer: LogWriter, index: SegmentIndex, clock: @escaping @Sendable () -> Timestamp) {
        preparer?.start()
        recompressor?.start()
        checkpoints.start()
        checkpoints.noteGrowth()
        let thread = WriterThread(
            queue: queue, feed: feed, tiles: tiles, index: index, checkpoints: checkpoints, preparer: preparer,
            recompression: recompressor, clock: clock, committed: configuration.committed)
        let ended = writerEnded
        DedicatedThread.start(name: "nrx-writer") { ended.resolve(thread.run(writer)) }
    }

    /// Appends events and waits until they are durable.
    ///
    /// - Parameters:
    ///   - events: become neighbours in the log, all of them or none.
    ///   - expecting: the sequence that the first event must get, or nil for whatever comes next.
    /// - Throws: `unexpectedPosition`, `tooLarge`, `overloaded`, `io`, `poisoned`, `closed`.
    public func append(_ events: [EventDraft], expecting: UInt64? = nil) async throws(EventLogError) -> AppendReceipt {
        try await submit(events, expecting: expecting).durable()
    }

    /// Settles the events' place in the log without waiting for the disk.
    public func submit(_ events: [EventDraft], expecting: UInt64? = nil) throws(EventLogError) -> PendingAppend {
        try queue.submit(events, expecting: expecting)
    }

    /// Lets all that `body` submits become durable together, with one sync: the writer waits until it returns. For a caller
    /// who has several appends at hand; keep it below a millisecond, since other appends wait too.
    public func gathering(_ body: () -> Void) { queue.gathering(body) }

    /// Callers of ``gathering(_:)`` at the moment.
    var gatherers: Int { queue.gathererCount }

    /// The durable tree.
    public var head: TreeHead { feed.head }

    /// Why the log can no longer write or sign, or where recompression met damage; nil while all is well.
    public var failure: EventLogError? {
        if let failure = writerEnded.value ?? checkpoints.failure { return failure }
        guard let found = recompression.failure, found.code == .damaged else { return nil }
        return found
    }

    /// What the background recompression of sealed segments did since the log was opened.
    public var recompression: RecompressionReport { recompressor?.report ?? RecompressionReport() }

    /// The log from `sequence` on: history first, then live.
    public func subscribe(from sequence: UInt64) -> LogSubscription {
        LogSubscription(feed: feed, reader: reader, position: sequence)
    }

    /// Durable events from `sequence` on, at least one, about `count`.
    ///
    /// - Throws: `outOfRange` at or beyond the head, `damaged` or `io`.
    public func read(from sequence: UInt64, count: Int = LogSubscription.eventsMax) async throws(EventLogError)
        -> [Envelope]
    {
        let reader = reader
        return try await reader.worker.run { () throws(EventLogError) in try reader.read(from: sequence, count: count) }
    }

    /// Stops cleanly: what was submitted becomes durable, a last checkpoint is signed, the filler is cut off, the lock
    /// is released.
    ///
    /// - Throws: what prevented that; the log is closed all the same.
    public func close() async throws(EventLogError) {
        queue.refuse(with: EventLogError(.closed, "the log was closed."), discarding: false)
        let failure = await writerEnded.wait()
        let (checkpoints, preparer, recompressor) = (checkpoints, preparer, recompressor)
        let result = await reader.worker.run {
            Result { () throws(EventLogError) in
                recompressor?.stop()
                checkpoints.stop()
                do throws(FileError) { try preparer?.stop() } catch { throw EventLogError(error) }
                if failure == nil { _ = try checkpoints.signNow() }
            }
        }
        feed.end(failure: failure)
        lock.withLock { $0 = nil }
        if let failure { throw failure }
        try result.get()
    }
}
