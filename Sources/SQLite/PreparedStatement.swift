import GRDBSQLite

/// One prepared statement with constant text, kept for the life of its connection. Used by one thread at a time, that of its
/// connection.
///
/// GRDB opens and configures the databases and runs the transactions; its statements cost an array of boxed values and a
/// validation at every execution, which at a hundred thousand events a second is most of the time.
public final class PreparedStatement {
    private let connection: OpaquePointer
    private let handle: OpaquePointer
    private let parameterCount: Int
    /// The bytes of the texts and blobs that are bound: SQLite reads them here, instead of a copy that it would have to
    /// allocate and free for each. Longer ones it copies.
    private let bound = UnsafeMutableRawBufferPointer.allocate(byteCount: boundBytes, alignment: 8)

    /// Most rows have less; a proof has more.
    private static let boundBytes = 2_048

    /// - Parameters:
    ///   - sql: one statement.
    ///   - connection: SQLite's own handle of the database; must outlive the statement.
    public init(_ sql: String, on connection: OpaquePointer) throws(SQLiteError) {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &prepared, nil) == SQLITE_OK, let prepared else {
            throw Self.error(of: connection, "preparing a statement")
        }
        self.connection = connection
        handle = prepared
        parameterCount = Int(sqlite3_bind_parameter_count(prepared))
    }

    deinit {
        sqlite3_finalize(handle)
        bound.deallocate()
    }

    /// Runs a statement that gives no rows, with `values` bound in order.
    public func run(_ values: [SQLiteValue]) throws(SQLiteError) {
        try bind(values)
        defer { reset() }
        while try step() != nil {}
    }

    /// Runs a statement that gives no rows, with the parameters that `give` adds in order, and null for those behind them.
    public func run(_ give: (inout SQLiteParameters) -> Void) throws(SQLiteError) {
        try bind(give)
        defer { reset() }
        while try step() != nil {}
    }

    /// The first row as `read` makes it, or nil; with `values` bound in order.
    public func first<Result>(_ values: [SQLiteValue], _ read: (SQLiteRow) -> Result) throws(SQLiteError) -> Result? {
        try bind(values)
        defer { reset() }
        return try step().map(read)
    }

    /// Binds `values` in order, and null to the parameters behind them, for the ``step()``s that follow. To be called after ``reset()``.
    public func bind(_ values: [SQLiteValue]) throws(SQLiteError) {
        try bind { parameters in
            for value in values { parameters.add(value) }
        }
    }

    private func bind(_ give: (inout SQLiteParameters) -> Void) throws(SQLiteError) {
        var parameters = SQLiteParameters(of: handle, room: bound)
        give(&parameters)
        // What was bound before points to bytes that are others by now, so every parameter is bound anew.
        parameters.addNulls(upTo: parameterCount)
        guard parameters.result == SQLITE_OK else {
            let error = Self.error(of: connection, "binding a value")
            reset()
            throw error
        }
    }

    /// The next row, or nil after the last; then ``reset()`` makes the statement ready again.
    public func step() throws(SQLiteError) -> SQLiteRow? {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return SQLiteRow(statement: handle)
        case SQLITE_DONE: return nil
        default: throw Self.error(of: connection, "running a statement")
        }
    }

    /// Ends the current execution; what was bound is not looked at again. The failure of a step was its own error.
    public func reset() { sqlite3_reset(handle) }

    private static func error(of connection: OpaquePointer, _ operation: String) -> SQLiteError {
        SQLiteError(
            code: sqlite3_extended_errcode(connection), message: String(cString: sqlite3_errmsg(connection)),
            operation: operation)
    }
}
