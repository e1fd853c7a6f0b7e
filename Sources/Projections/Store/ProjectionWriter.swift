import GRDB
import GRDBSQLite

/// The one connection that writes, with its projector. Lives behind the store's lock.
// @unchecked: it is the value of the store's Mutex and is used only while that lock is held.
final class ProjectionWriter: @unchecked Sendable {
    let path: String
    private let directory: KeyDirectory
    private let database: DatabaseQueue
    /// Nil when the file is closed.
    private var open: Open?
    private(set) var position: UInt64

    /// Pages after which the write-ahead log is copied back into the file, 4 KiB each.
    private static let checkpointPages = 4_096

    init(path: String, directory: KeyDirectory) throws(ProjectionError) {
        self.path = path
        self.directory = directory
        do {
            var configuration = Configuration()
            configuration.label = "projections"
            configuration.journalMode = .wal
            configuration.prepareDatabase { database in
                try database.execute(
                    sql: """
                        PRAGMA synchronous = NORMAL;
                        PRAGMA wal_autocheckpoint = \(Self.checkpointPages);
                        PRAGMA cache_size = -65536;
                        PRAGMA temp_store = MEMORY
                        """)
            }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.write(ProjectionFile.createSchemaIfEmpty)
            let open = try Self.open(database, directory)
            position = open.projector.position
            self.open = open
        } catch { throw ProjectionError(error, while: "opening \(path)") }
    }

    /// Applies `envelopes` in one transaction.
    func apply(_ envelopes: [OpenedEnvelope]) throws(ProjectionError) {
        guard let open else { throw ProjectionError(.storage, "the projections are closed") }
        do {
            try open.begin.run()
            for envelope in envelopes { try open.projector.apply(envelope) }
            try open.projector.flush()
            try open.commit.run()
        } catch {
            try rollBack(open)
            throw ProjectionError(error, while: "applying events from \(position) on")
        }
        open.projector.publishKeys()
        position = open.projector.position
    }

    func close() throws(ProjectionError) {
        open = nil
        do {
            try database.write { try $0.execute(sql: "PRAGMA optimize") }
            try database.close()
        } catch { throw ProjectionError(error, while: "closing \(path)") }
    }

    /// Undoes the transaction; what was in memory is read again.
    private func rollBack(_ failed: Open) throws(ProjectionError) {
        open = nil
        do {
            // Some errors have already ended it.
            if sqlite3_get_autocommit(failed.connection) == 0 { try failed.rollback.run() }
            open = try Self.open(database, directory)
        } catch { throw ProjectionError(error, while: "reading \(path) again after a failure") }
    }

    private static func open(_ database: DatabaseQueue, _ directory: KeyDirectory) throws -> Open {
        try database.unsafeReentrantWrite { database in
            try Open(on: try Self.connection(of: database), directory: directory)
        }
    }

    private static func connection(of database: Database) throws -> OpaquePointer {
        guard let connection = database.sqliteConnection else {
            throw ProjectionError(.storage, "the connection is closed")
        }
        return connection
    }

    /// What is there while the file is open. The transactions are plain statements: this connection is used by one thread at a
    /// time and by nobody else, so GRDB's queue and its observation of transactions would cost more than most of them.
    private struct Open {
        let connection: OpaquePointer
        let projector: Projector
        let begin: SQLiteStatement
        let commit: SQLiteStatement
        let rollback: SQLiteStatement

        init(on connection: OpaquePointer, directory: KeyDirectory) throws(ProjectionError) {
            self.connection = connection
            begin = try SQLiteStatement("BEGIN IMMEDIATE", on: connection)
            commit = try SQLiteStatement("COMMIT", on: connection)
            rollback = try SQLiteStatement("ROLLBACK", on: connection)
            projector = try Projector(on: connection, directory: directory)
        }
    }
}
