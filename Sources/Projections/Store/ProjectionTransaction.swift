import GRDBSQLite

/// The transactions of a connection that applies events, with statements that are made once: GRDB makes its own anew for each
/// transaction and has every part of them examined.
struct ProjectionTransaction {
    private let connection: OpaquePointer
    private let begin: SQLiteStatement
    private let commit: SQLiteStatement
    private let rollback: SQLiteStatement

    /// - Parameter connection: must outlive the statements.
    init(on connection: OpaquePointer) throws(ProjectionError) {
        self.connection = connection
        begin = try SQLiteStatement("BEGIN IMMEDIATE", on: connection)
        commit = try SQLiteStatement("COMMIT", on: connection)
        rollback = try SQLiteStatement("ROLLBACK", on: connection)
    }

    /// Does what `body` does, or nothing when it throws.
    func run(_ body: () throws(ProjectionError) -> Void) throws(ProjectionError) {
        try begin.run()
        do throws(ProjectionError) {
            try body()
            try commit.run()
        } catch {
            // Some failures have SQLite roll back by itself.
            if sqlite3_get_autocommit(connection) == 0 { try rollback.run() }
            throw error
        }
    }
}
