import Foundation
import GRDB

/// The vault's SQLite file: how it is opened, and its tables.
enum VaultDatabase {
    static let fileName = "vault.sqlite"

    /// "nrxv": what `file` and SQLite's own tools show as the application.
    private static let applicationID: Int32 = 0x6E72_7876
    private static let formatVersion: Int32 = 3

    /// Opens the file and takes it for this process alone. Blocking.
    ///
    /// - Throws: ``VaultError/Code/locked`` when another process has it open, ``VaultError/Code/permissions``.
    static func open(_ path: String) throws(VaultError) -> DatabaseQueue {
        try PrivateFiles.prepareFile(path)
        try PrivateFiles.requirePrivateIfPresent(path + "-wal")
        var configuration = Configuration()
        configuration.label = "nrx-vault"
        // Before the first access: then SQLite keeps the WAL's index in memory and holds the lock for life.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            // After opening, because GRDB sets `synchronous` itself while it opens.
            try database.writeWithoutTransaction { try makeDurable($0) }
            try database.write { try migrate($0) }
            try PrivateFiles.syncDirectory(of: path)
            return database
        } catch { throw VaultError(database: error, file: path) }
    }

    /// Sets what durability and erasure rest upon, and reads it back.
    private static func makeDurable(_ db: Database) throws {
        let settings: [(set: String, read: String, expected: String)] = [
            ("PRAGMA journal_mode = WAL", "PRAGMA journal_mode", "wal"),
            ("PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"),
            ("PRAGMA secure_delete = ON", "PRAGMA secure_delete", "1"),
            // Temporary tables and sorts would otherwise go to files outside the directory.
            ("PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"),
        ]
        for setting in settings {
            _ = try Row.fetchOne(db, sql: setting.set)
            let value = try DatabaseValue.fetchOne(db, sql: setting.read).map { String(describing: $0) }
            let text = value?.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
            guard text == setting.expected else {
                throw VaultError(.io, "SQLite refused `\(setting.set)`: \(setting.read) is \(text ?? "absent").")
            }
        }
    }

    /// Whether the tables are there.
    ///
    /// - Throws: ``VaultError/Code/unsupportedFormat`` for a file of a newer version, or of another program.
    static func holdsVault(_ db: Database) throws -> Bool {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int32.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if application == 0, version == 0, try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0 {
            return false
        }
        guard application == applicationID, version == formatVersion else {
            throw VaultError(
                .unsupportedFormat,
                "the vault's file has application id \(application) and format \(version), not \(applicationID) and"
                    + " \(formatVersion). Use the version of the server that wrote it, or put back the right file.")
        }
        return true
    }

    /// Brings a vault of format 2, whose customers stood in the order of their ids, to the present one. Others stay as they are.
    private static func migrate(_ db: Database) throws {
        guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID,
            try Int32.fetchOne(db, sql: "PRAGMA user_version") == 2
        else { return }
        try db.execute(
            sql: """
                ALTER TABLE customers RENAME TO customers_before;
                \(CustomersTable.sql);
                INSERT INTO customers (customer_id, email_digest, wrapped_data_key)
                    SELECT customer_id, email_digest, wrapped_data_key FROM customers_before;
                DROP TABLE customers_before;
                PRAGMA user_version = \(formatVersion)
                """)
    }

    /// The table of customers, for use on the thread that owns the connection.
    static func customers(_ db: Database) throws -> CustomersTable {
        guard let connection = db.sqliteConnection else {
            throw VaultError(.closed, "the vault was closed.")
        }
        return CustomersTable(on: connection)
    }

    /// Makes the tables, within the transaction that also fills them.
    static func createTables(_ db: Database) throws {
        try db.execute(
            sql: """
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(formatVersion);
                CREATE TABLE identity (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    origin TEXT NOT NULL,
                    key_check BLOB NOT NULL,
                    wrapped_email_index_key BLOB NOT NULL,
                    wrapped_log_signing_seed BLOB NOT NULL
                ) STRICT;
                CREATE TABLE signed_head (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    size INTEGER NOT NULL,
                    root BLOB NOT NULL,
                    tag BLOB NOT NULL
                ) STRICT;
                CREATE TABLE next_log_key (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    wrapped_signing_seed BLOB NOT NULL
                ) STRICT;
                \(CustomersTable.sql);
                CREATE TABLE member_emails (
                    member_id TEXT NOT NULL PRIMARY KEY,
                    customer_id TEXT NOT NULL,
                    email_digest BLOB NOT NULL UNIQUE,
                    tag BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE token_keys (
                    id TEXT NOT NULL PRIMARY KEY,
                    created_at INTEGER NOT NULL,
                    wrapped_seed BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                """)
    }
}

extension VaultError {
    /// Says what SQLite said; the vault's own errors pass unchanged.
    ///
    /// A `DatabaseError` prints its statement, never the statement's arguments, unless GRDB is configured to.
    init(database error: any Error, file: String) {
        guard let error = error as? DatabaseError else {
            self = error as? VaultError ?? VaultError(.io, "\(error)", file: file, cause: error)
            return
        }
        let said = "SQLite: \(error.message ?? "no message") (\(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .locked, "another process has this vault open. Stop it first. \(said)", file: file, cause: error)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(
                .damaged, "the vault's file is damaged: restore it from a backup. \(said)", file: file, cause: error)
        default:
            self.init(.io, "the vault's file could not be used: \(said). Check the disk.", file: file, cause: error)
        }
    }

    /// Whether SQLite can be trusted to go on after this error: only what it rolled back before it wrote.
    var endsTheVault: Bool {
        guard let error = cause as? DatabaseError else { return code == .poisoned }
        return ![.SQLITE_FULL, .SQLITE_BUSY, .SQLITE_NOMEM].contains(error.resultCode)
    }
}
