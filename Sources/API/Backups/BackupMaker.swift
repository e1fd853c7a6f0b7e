import EventStore
import Foundation
import Ledger
import Vault

/// Makes one copy of the log and its keys, or puts one into a directory of its own, and verifies it to the last byte.
struct BackupMaker: Sendable {
    let files: BackupFiles
    let vault: Vault
    /// Where the master key is when the operator keeps it elsewhere; it is not copied then.
    let masterKeyFile: String?
    let shouldGoOn: @Sendable () -> Bool

    private let worker = SerialWorker(name: "nrx.backup")
    private static let attemptsMax = 3

    init(
        files: BackupFiles, vault: Vault, masterKeyFile: String?, shouldGoOn: @escaping @Sendable () -> Bool
    ) {
        self.files = files
        self.vault = vault
        self.masterKeyFile = masterKeyFile
        self.shouldGoOn = shouldGoOn
    }

    /// Copies what is there now.
    ///
    /// - Parameters:
    ///   - older: a copy whose unchanged files are shared; nil for none.
    ///   - isErased: whether a customer was erased, whose keys must not stay in a copy.
    ///   - progress: told how many events the copy holds.
    func make(
        _ place: BackupFiles.Place, from older: BackupFiles.Place?, isErased: @escaping @Sendable (String) -> Bool,
        progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> BackupContents {
        for _ in 1...Self.attemptsMax {
            let key = vault.verifierKey
            let (report, head) = try await worker.run { [files, vault] () throws in
                try files.make(place)
                let needed = try files.bytes(beneath: files.liveLog) + files.bytes(beneath: files.liveVault)
                guard files.hasRoom(for: needed) else { throw NoRoom() }
                if let older { try files.share(older, with: place) }
                // Before the log: what the copy of the vault knows to be signed must be in the copy of the log.
                let head = try vault.highestSignedHead()
                return (try copyLog(from: files.liveLog, to: place.log, progress), head)
            }
            let keyFile = masterKeyFile == nil ? files.liveVault + "/" + Vault.masterKeyName : nil
            _ = try await vault.copy(to: place.vault, head: head, masterKeyFile: keyFile)
            // A log and the key after its rotation do not belong together: both are copied again.
            guard vault.verifierKey == key else { continue }
            return try await finish(place, report, isErased: isErased)
        }
        throw EventLogError(.io, "the log's key was rotated again and again while it was copied. Try later.")
    }

    /// Puts a copy into a fresh directory, where a server can be started on it.
    ///
    /// - Parameter expected: what the copy held when it was made.
    func restore(
        _ source: BackupFiles.Place, to place: BackupFiles.Place, expected: BackupContents,
        isErased: @escaping @Sendable (String) -> Bool, progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> BackupContents {
        let report = try await worker.run { [files] () throws in
            try files.make(place)
            guard files.hasRoom(for: expected.bytes) else { throw NoRoom() }
            let report = try copyLog(from: source.log, to: place.log, progress)
            guard Int64(report.head.size) == expected.events, report.head.root == expected.root else {
                throw EventLogError(.damaged, "the backup does not hold any more what it held.", file: source.log)
            }
            try files.copyVault(from: source, to: place)
            return report
        }
        return try await finish(place, report, isErased: isErased)
    }

    private func copyLog(
        from source: String, to target: String, _ progress: @escaping @Sendable (UInt64) -> Void
    ) throws(EventLogError) -> BackupReport {
        var backup = LogBackup(source: source, destination: target)
        // What is shared with an older copy is read and hashed again too.
        backup.verifiesWholeCopy = true
        backup.shouldGoOn = shouldGoOn
        return try backup.run { progress($0.head.size) }
    }

    /// Opens the copied vault once, which checks its key and tables, and leaves nobody in it who was erased.
    private func finish(
        _ place: BackupFiles.Place, _ report: BackupReport, isErased: @escaping @Sendable (String) -> Bool
    ) async throws -> BackupContents {
        let copy = try await worker.run { [masterKeyFile] () throws in
            try Vault.open(directory: place.vault, masterKeyFile: masterKeyFile)
        }
        let origin = copy.origin
        try await copy.close()
        guard origin == vault.origin else { throw EventLogError(.damaged, "the copied vault is another one's.") }
        return try await worker.run { [files] () throws in
            _ = try Vault.erase(inCopy: place.vault) { !isErased($0) }
            return BackupContents(
                bytes: try files.bytes(beneath: place.path), events: Int64(clamping: report.head.size),
                root: report.head.root)
        }
    }

    /// The disk has no room for another copy.
    private struct NoRoom: Error {}

    /// What the log says of a failure.
    static func reason(of error: any Error) -> BackupFailure {
        switch error {
        case is NoRoom: .diskFull
        case let error as EventLogError:
            switch error.code {
            case .damaged, .rolledBack, .foreign: .damaged
            case .closed: .interrupted
            default: (error.cause as? FileError)?.errno == ENOSPC ? .diskFull : .io
            }
        case let error as VaultError:
            switch error.code {
            case .damaged, .wrongMasterKey, .masterKeyMalformed: .damaged
            case .closed: .interrupted
            default: .io
            }
        default: .io
        }
    }
}
