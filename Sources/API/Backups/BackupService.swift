import EventStore
import Foundation
import Ledger
import Logging
import Synchronization
import Vault

/// Backups over the API: verified copies of the log and its keys beneath the data directory, made, restored and deleted in
/// the background, one at a time. The ledger decides and remembers; this copies.
///
/// A copy shares the files that did not change with the one before it, so another backup costs what is new.
final class BackupService: Sendable {
    private struct State {
        /// How far what is being made has come, in percent, by the id of the backup or restore.
        var progress: [String: Int] = [:]
        /// The last of the work, after which new work begins.
        var last: Task<Void, Never>?
        var isStopping = false
    }

    let ledger: LedgerService
    let files: BackupFiles
    private let maker: BackupMaker
    private let logger: Logger
    private let state: Mutex<State>
    private let sweeper = SerialWorker(name: "nrx.backup.sweep")

    init(
        ledger: LedgerService, vault: Vault, dataDirectory: String, masterKeyFile: String?, logger: Logger
    ) {
        self.ledger = ledger
        self.logger = logger
        files = BackupFiles(dataDirectory: dataDirectory)
        let stopping = Stopping()
        self.stopping = stopping
        maker = BackupMaker(
            files: files, vault: vault, masterKeyFile: masterKeyFile, shouldGoOn: { !stopping.isSet })
        state = Mutex(State())
    }

    private let stopping: Stopping

    /// Set when the server stops.
    private final class Stopping: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .sequentiallyConsistent) }
        func set() { flag.store(true, ordering: .sequentiallyConsistent) }
    }

    /// In percent; 100 for what is not being made.
    func progress(of id: String) -> Int { state.withLock { $0.progress[id] } ?? 100 }

    /// Begins a backup.
    ///
    /// - Parameter idempotency: remembers the request with the event.
    /// - Throws: what the ledger refuses: too many, or one is being made.
    func create(
        by caller: Principal, trace: String, as idempotency: Idempotency?
    ) async throws(APIError) -> [EventDraft] {
        try checkRunning()
        var generator = SystemRandomNumberGenerator()
        let id = BackupID(using: &generator)
        let outcome = try await ledger.perform(
            .startBackup(StartBackup(backupID: id)), as: caller.actor, trace: trace, idempotency: idempotency)
        enqueue(id.text) { service in await service.make(id, trace: trace) }
        return outcome.events.map(\.event)
    }

    /// Begins to put a backup into a directory of its own.
    func restore(_ id: BackupID, by caller: Principal, trace: String, as idempotency: Idempotency?)
        async throws(APIError) -> [EventDraft]
    {
        try checkRunning()
        var generator = SystemRandomNumberGenerator()
        let restoreID = RestoreID(using: &generator)
        let outcome = try await ledger.perform(
            .startRestore(StartRestore(backupID: id, restoreID: restoreID)), as: caller.actor, trace: trace,
            idempotency: idempotency)
        enqueue(restoreID.text) { service in await service.restore(id, as: restoreID, trace: trace) }
        return outcome.events.map(\.event)
    }

    /// Deletes a backup. What was restored from it stays.
    func delete(_ id: BackupID, by caller: Principal, trace: String) async throws(APIError) {
        _ = try await ledger.perform(.deleteBackup(id), as: caller.actor, trace: trace)
        await sweeper.run { [self] in
            do { try files.remove(files.place(of: id)) } catch {
                // The next start removes what no backup names.
                logger.error("a deleted backup is still there", metadata: ["error": .string("\(error)")])
            }
        }
    }

    private func checkRunning() throws(APIError) {
        if stopping.isSet { throw .stopping }
    }

    // MARK: - In the background

    private func enqueue(_ id: String, _ work: @escaping @Sendable (BackupService) async -> Void) {
        state.withLock { state in
            state.progress[id] = 0
            let before = state.last
            state.last = Task { [self] in
                await before?.value
                await work(self)
                self.state.withLock { $0.progress[id] = nil }
            }
        }
    }

    private func make(_ id: BackupID, trace: String) async {
        let outcome = await attempt(id.text, files.place(of: id)) { report in
            try await maker.make(
                files.place(of: id), from: newestCopy, isErased: { [ledger] in ledger.isErased($0) }, progress: report)
        }
        await record(.endBackup(EndBackup(backupID: id, outcome: outcome)), files.place(of: id), outcome, trace)
    }

    private func restore(_ id: BackupID, as restoreID: RestoreID, trace: String) async {
        let place = files.place(of: restoreID)
        let expected = ledger.read { $0.backup(id)?.end?.outcome.contents }
        let outcome = await attempt(restoreID.text, place) { report in
            // Only an erased customer's backup is gone by now.
            guard let expected else { throw EventLogError(.io, "the backup is gone.") }
            return try await maker.restore(
                files.place(of: id), to: place, expected: expected, isErased: { [ledger] in ledger.isErased($0) },
                progress: report)
        }
        await record(
            .endRestore(EndRestore(backupID: id, restoreID: restoreID, outcome: outcome)), place, outcome, trace)
    }

    /// Runs `body`; what it left when it fails is removed.
    private func attempt(
        _ id: String, _ place: BackupFiles.Place,
        _ body: (@escaping @Sendable (UInt64) -> Void) async throws -> BackupContents
    ) async -> BackupOutcome {
        if stopping.isSet { return .failed(.interrupted) }
        let whole = max(1, ledger.log.head.size)
        do {
            return .completed(
                try await body { [self] events in
                    // The keys and the last checks are still to come then.
                    let percent = Int(min(99, events * 100 / whole))
                    state.withLock { $0.progress[id] = percent }
                })
        } catch {
            logger.error("a backup failed", metadata: ["id": .string(id), "error": .string("\(error)")])
            await remove(place)
            return .failed(BackupMaker.reason(of: error))
        }
    }

    private func record(
        _ command: Command, _ place: BackupFiles.Place, _ outcome: BackupOutcome, _ trace: String
    ) async {
        do throws(APIError) { _ = try await ledger.perform(command, as: .system, trace: trace) } catch {
            logger.error("the end of a backup is not recorded", metadata: ["error": .string(error.message)])
            // Its customer was erased meanwhile: nobody would ever delete the copy.
            if error.code == .notFound, outcome.contents != nil { await remove(place) }
        }
    }

    private func remove(_ place: BackupFiles.Place) async {
        await sweeper.run { [self] in
            do { try files.remove(place) } catch {
                logger.error("half a backup is left", metadata: ["error": .string("\(error)")])
            }
        }
    }

    /// The copy to share files with: the one that was begun last of those that are whole.
    private var newestCopy: BackupFiles.Place? {
        let newest = ledger.read { state in
            state.allBackups.filter { $0.end?.outcome.contents != nil }.max { $0.startedAt < $1.startedAt }?.id
        }
        return newest.map { files.place(of: $0) }
    }

    // MARK: - The server's life

    /// At the start: what a dead server was making has failed, and what is left of it goes.
    func resume(trace: String) async throws(APIError) {
        let unfinished = ledger.read { state in
            state.allBackups.filter { $0.end == nil || $0.restores.contains { $0.end == nil } }
        }
        for backup in unfinished {
            if backup.end == nil {
                await remove(files.place(of: backup.id))
                _ = try await ledger.perform(
                    .endBackup(EndBackup(backupID: backup.id, outcome: .failed(.interrupted))), as: .system,
                    trace: trace)
            }
            for restore in backup.restores where restore.end == nil {
                await remove(files.place(of: restore.id))
                let end = EndRestore(backupID: backup.id, restoreID: restore.id, outcome: .failed(.interrupted))
                _ = try await ledger.perform(.endRestore(end), as: .system, trace: trace)
            }
        }
        await sweep()
    }

    /// Removes copies that no backup names any more, and the keys of erased customers from all others.
    ///
    /// - Returns: whether nothing of them is left.
    @discardableResult
    func sweep() async -> Bool {
        await sweeper.run { [self] in
            do {
                for id in try files.presentBackups() where ledger.read({ $0.backup(id) == nil }) {
                    try files.remove(files.place(of: id))
                }
                var isClean = true
                for place in try files.allPlaces() where Vault.exists(in: place.vault) {
                    isClean = forgetErased(in: place) && isClean
                }
                return isClean
            } catch {
                logger.error("backups cannot be looked through", metadata: ["error": .string("\(error)")])
                return false
            }
        }
    }

    private static let attemptsMax = 20
    private static let pauseMicroseconds: UInt32 = 100_000

    /// A copy that is being checked right now is free in a moment; one that a server was started on is that server's.
    private func forgetErased(in place: BackupFiles.Place) -> Bool {
        for attempt in 1... {
            do throws(VaultError) {
                _ = try Vault.erase(inCopy: place.vault) { !ledger.isErased($0) }
                return true
            } catch {
                if error.code == .locked, attempt < Self.attemptsMax {
                    usleep(Self.pauseMicroseconds)
                    continue
                }
                logger.error(
                    "the keys of erased customers are not removed from a copy yet",
                    metadata: ["copy": .string(place.shown), "error": .string("\(error)")])
                return false
            }
        }
        return false
    }

    /// Begins nothing more, ends what runs, and waits for that: at most one segment of the log.
    func stop() async {
        stopping.set()
        await state.withLock { $0.last }?.value
    }
}

extension LedgerService {
    /// Whether a customer was erased.
    fileprivate func isErased(_ id: String) -> Bool {
        guard let id = CustomerID(id) else { return false }
        return read { $0.isErased(id) }
    }
}
