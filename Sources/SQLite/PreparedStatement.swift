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
    /// allocate and free for each.
    private var bound = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)

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

    /// The first row as `read` makes it, or nil; with `values` bound in order.
    public func first<Result>(_ values: [SQLiteValue], _ read: (SQLiteRow) -> Result) throws(SQLiteError) -> Result? {
        try bind(values)
        defer { reset() }
        return try step().map(read)
    }

    /// Binds `values` in order, and null to the parameters behind them, for the ``step()``s that follow. To be called after ``reset()``.
    public func bind(_ values: [SQLiteValue]) throws(SQLiteError) {
        // What is bound points to bytes of the last execution until it is bound anew.
        if values.count < parameterCount { sqlite3_clear_bindings(handle) }
        reserve(values.reduce(0) { $0 + $1.byteCount })
        var used = 0
        for (index, value) in values.enumerated() {
            guard bind(value, at: Int32(index + 1), used: &used) == SQLITE_OK else {
                let error = Self.error(of: connection, "binding a value")
                reset()
                throw error
            }
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

    /// Makes room for `count` bytes in all.
    private func reserve(_ count: Int) {
        guard count > bound.count else { return }
        bound.deallocate()
        bound = .allocate(byteCount: 2 * count, alignment: 8)
    }

    /// Binds `value`; its bytes are put behind the first `used` ones.
    private func bind(_ value: SQLiteValue, at index: Int32, used: inout Int) -> Int32 {
        /// - Returns: where the copy stands, until the next execution.
        func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
            let place = bound.baseAddress.map { $0 + used }
            if let source = bytes.baseAddress { place?.copyMemory(from: source, byteCount: bytes.count) }
            used += bytes.count
            return place
        }
        // No destructor (SQLITE_STATIC): the bytes stay as they are until the statement is reset.
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let number): return sqlite3_bind_int64(handle, index, number)
        case .text(var text):
            let (place, count) = text.withUTF8 { (keep(UnsafeRawBufferPointer($0)), Int32($0.count)) }
            return sqlite3_bind_text(handle, index, place?.assumingMemoryBound(to: CChar.self), count, nil)
        case .utf8(let bytes):
            let place = bytes.withUnsafeBytes(keep)
            return sqlite3_bind_text(
                handle, index, place?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), nil)
        case .blob(let bytes):
            return sqlite3_bind_blob(handle, index, bytes.withUnsafeBytes(keep), Int32(bytes.count), nil)
        }
    }

    private static func error(of connection: OpaquePointer, _ operation: String) -> SQLiteError {
        SQLiteError(
            code: sqlite3_extended_errcode(connection), message: String(cString: sqlite3_errmsg(connection)),
            operation: operation)
    }
}
