import CLinux
import GRDB
import Glibc

/// The file itself: whether it can be trusted, and how one takes the place of another.
enum ProjectionFile {
    enum Finding {
        case missing
        case sound
        case unsound(reason: String)
    }

    /// Looks at the file before anything is believed of it: ours, this version, readable, sound (`PRAGMA quick_check`,
    /// about a second for 500 MB).
    static func examine(_ path: String) throws(ProjectionError) -> Finding {
        guard access(path, F_OK) == 0 else {
            // A write-ahead log without its file belongs to nothing.
            try remove(path)
            return .missing
        }
        do {
            var configuration = Configuration()
            configuration.label = "projections-check"
            let database = try DatabaseQueue(path: path, configuration: configuration)
            return try database.unsafeReentrantWrite { database in
                let application = try Int64.fetchOne(database, sql: "PRAGMA application_id")
                guard application == ProjectionSchema.applicationID else {
                    return .unsound(reason: "it is not a file of this product")
                }
                let version = try Int64.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                guard version == ProjectionSchema.version else {
                    return .unsound(reason: "its schema is version \(version), not \(ProjectionSchema.version)")
                }
                guard try schema(of: database) == expectedSchema() else {
                    return .unsound(reason: "its tables are not those of version \(version)")
                }
                let check = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
                return check == "ok" ? .sound : .unsound(reason: check)
            }
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR, .SQLITE_FORMAT:
                return .unsound(reason: error.message ?? "SQLite cannot read it")
            default: throw ProjectionError(error, while: "examining \(path)")
            }
        } catch { throw ProjectionError(error, while: "examining \(path)") }
    }

    /// Makes the tables in an empty file.
    static func createSchemaIfEmpty(_ database: Database) throws {
        guard try schema(of: database).isEmpty else { return }
        try createSchema(database)
    }

    private static func createSchema(_ database: Database) throws {
        try createTables(database)
        try createIndexes(database)
    }

    /// The indexes that applying events does not need.
    static func createIndexes(_ database: Database) throws {
        for index in ProjectionSchema.tables.flatMap(\.indexes) { try database.execute(sql: index) }
    }

    /// Everything but the indexes that applying events does not need.
    static func createTables(_ database: Database) throws {
        for table in ProjectionSchema.tables { try database.execute(sql: table.sql) }
        try database.execute(
            sql: """
                PRAGMA application_id = \(ProjectionSchema.applicationID);
                PRAGMA user_version = \(ProjectionSchema.version)
                """)
    }

    private static func schema(of database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name")
    }

    private static func expectedSchema() throws -> [String] {
        let memory = try DatabaseQueue()
        return try memory.write { database in
            try createSchema(database)
            return try schema(of: database)
        }
    }

    /// Where a new file is built while the old one is not trusted.
    static func rebuildPath(_ path: String) -> String { path + ".rebuilding" }

    /// Removes a file with its write-ahead log.
    static func remove(_ path: String) throws(ProjectionError) {
        for suffix in ["-wal", "-shm", "-journal", ""] where unlink(path + suffix) != 0 && errno != ENOENT {
            throw ProjectionError(.storage, "cannot remove \(path + suffix): \(String(cString: strerror(errno)))")
        }
    }

    /// Has the kernel begin to bring what was written to `path` to the disk, so that ``sync(_:)`` finds less to do.
    static func beginSync(_ path: String) throws(ProjectionError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        guard file >= 0 else {
            throw ProjectionError(.storage, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        // Advice: where it is not taken, the sync takes longer.
        _ = nrx_begin_sync(file)
    }

    /// Waits until what was written to `path` is on the disk.
    static func sync(_ path: String) throws(ProjectionError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        guard file >= 0, fsync(file) == 0 else {
            throw ProjectionError(.storage, "cannot sync \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Puts the closed file `new` in the place of `old`. The old write-ahead log goes first: it must never meet a file
    /// that it does not belong to.
    static func replace(_ old: String, by new: String) throws(ProjectionError) {
        try remove(old)
        guard rename(new, old) == 0 else {
            throw ProjectionError(.storage, "cannot rename \(new) to \(old): \(String(cString: strerror(errno)))")
        }
    }
}
