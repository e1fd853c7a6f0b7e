import GRDBSQLite
import SQLite

/// A query with constant text. Each is one object, so that a connection finds its prepared statement by identity.
final class Query: Sendable {
    let sql: String

    init(_ sql: String) { self.sql = sql }
}

/// A read-only connection that keeps its statements prepared. Not thread-safe: it lives behind ``ReaderPool``'s locks.
///
/// GRDB's own reads cost a thread hop and a row decoder each; on the hot paths that is most of the request.
// @unchecked: each one is the value of one Mutex and is used only while that lock is held (or by one function alone).
final class ReadConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    /// The query is kept with its statement, so that its identity stays its own.
    private var statements: [ObjectIdentifier: (query: Query, statement: SQLiteStatement)] = [:]

    /// Opens `path`, which must exist. It never checkpoints: the writer alone does.
    ///
    /// - Parameter isLocking: whether it waits for others and they for it, as it must unless nobody else has the file.
    init(path: String, isLocking: Bool = true) throws(ProjectionError) {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(
            path, &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, isLocking ? nil : "unix-none")
        guard code == SQLITE_OK, let opened else {
            let message = String(cString: sqlite3_errstr(code))
            sqlite3_close_v2(opened)
            throw ProjectionError(sqlite: code, message, while: "opening \(path) for reading")
        }
        handle = opened
        sqlite3_busy_timeout(handle, 5_000)
        for pragma in ["PRAGMA query_only=1", "PRAGMA cache_size=-16384"] {
            sqlite3_exec(handle, pragma, nil, nil, nil)
        }
    }

    deinit {
        statements = [:]
        sqlite3_close_v2(handle)
    }

    /// Calls `body` for each row of `query` with `values` bound, in order.
    func forEachRow(
        of query: Query, _ values: [SQLiteValue], _ body: (SQLiteRow) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        try prepared(query).forEachRow(values, body)
    }

    /// A statement of the caller's own, which must not outlive the connection.
    func prepare(_ sql: String) throws(ProjectionError) -> SQLiteStatement { try SQLiteStatement(sql, on: handle) }

    private func prepared(_ query: Query) throws(ProjectionError) -> SQLiteStatement {
        if let statement = statements[ObjectIdentifier(query)] { return statement.statement }
        let statement = try prepare(query.sql)
        statements[ObjectIdentifier(query)] = (query, statement)
        return statement
    }
}
