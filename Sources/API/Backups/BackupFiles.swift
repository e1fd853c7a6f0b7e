import EventStore
import Foundation
import Glibc
import Ledger

/// Where backups and what was restored from them lie: beneath the data directory, readable for the server alone. Blocking
/// calls.
struct BackupFiles: Sendable {
    let dataDirectory: String

    private var backups: String { dataDirectory + "/backups" }
    private var restores: String { dataDirectory + "/restores" }
    var liveLog: String { dataDirectory + "/log" }
    var liveVault: String { dataDirectory + "/vault" }

    /// One copy: a log and the vault that belongs to it.
    struct Place: Sendable {
        let path: String
        /// As answers name it: relative to the data directory, which is nobody's business.
        let shown: String
        var log: String { path + "/log" }
        var vault: String { path + "/vault" }
    }

    func place(of id: BackupID) -> Place { Place(path: backups + "/" + id.text, shown: "backups/" + id.text) }

    func place(of id: RestoreID) -> Place { Place(path: restores + "/" + id.text, shown: "restores/" + id.text) }

    /// Makes the directory of a copy, empty.
    func make(_ place: Place) throws {
        try remove(place)
        try FileManager.default.createDirectory(
            atPath: place.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // Those above may have been made with it.
        for above in [backups, restores] where FileManager.default.fileExists(atPath: above) {
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: above)
        }
    }

    func remove(_ place: Place) throws {
        guard FileManager.default.fileExists(atPath: place.path) else { return }
        try FileManager.default.removeItem(atPath: place.path)
    }

    /// Every backup that has a directory.
    func presentBackups() throws -> [BackupID] { try names(in: backups).compactMap { BackupID($0) } }

    /// Every copy there is, backups and restores alike.
    func allPlaces() throws -> [Place] {
        try presentBackups().map { place(of: $0) }
            + names(in: restores).compactMap { RestoreID($0) }.map { place(of: $0) }
    }

    /// Begins a copy of the log with the files of an older copy, shared with it on the disk: ``LogBackup`` puts other files
    /// in the place of those it changes and never writes into one.
    func share(_ older: Place, with newer: Place) throws {
        try FileManager.default.createDirectory(
            atPath: newer.log, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in try names(in: older.log) where Self.isShared(name) {
            guard link(older.log + "/" + name, newer.log + "/" + name) == 0 else {
                throw EventLogError(.io, "a file cannot be shared: \(String(cString: strerror(errno))).", file: name)
            }
        }
    }

    /// Segments and the record of them; not the lock, nor the checkpoint, which is copied last.
    private static func isShared(_ name: String) -> Bool { name.hasSuffix(".jsonl.lz4") || name == "backup.json" }

    /// Copies the files of a vault that nobody has open.
    func copyVault(from source: Place, to target: Place) throws {
        try FileManager.default.createDirectory(
            atPath: target.vault, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in try names(in: source.vault) {
            try FileManager.default.copyItem(atPath: source.vault + "/" + name, toPath: target.vault + "/" + name)
        }
    }

    /// Length of all files beneath a directory, in bytes.
    func bytes(beneath path: String) throws -> Int64 {
        var total: Int64 = 0
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            total += (attributes[.size] as? NSNumber)?.int64Value ?? 0
        }
        return total
    }

    /// Whether a copy of so many bytes leaves the server the room that it needs itself.
    func hasRoom(for bytes: Int64) -> Bool {
        var status = statvfs()
        guard statvfs(dataDirectory, &status) == 0 else { return false }
        return Int64(status.f_bavail) * Int64(status.f_frsize) - bytes >= DataDirectoryStatus.bytesFreeMin
    }

    private func names(in directory: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory)
    }
}
