import GRDBSQLite

/// A value for a statement's parameter.
enum SQLiteValue {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    /// The number, or null.
    init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

    /// The text, or null.
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
}

/// One prepared statement with constant text, kept for the life of its connection.
///
/// GRDB opens and configures the database and runs the transactions; its statements cost an array of boxed values and a
/// validation at every execution, which at a hundred thousand events a second is most of the time.
final class SQLiteStatement {
    private let connection: OpaquePointer
    private let handle: OpaquePointer

    init(_ sql: String, on connection: OpaquePointer) throws(ProjectionError) {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &prepared, nil) == SQLITE_OK, let prepared else {
            throw Self.error(of: connection, "preparing a statement")
        }
        self.connection = connection
        handle = prepared
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs a statement that gives no rows.
    func run(_ values: SQLiteValue...) throws(ProjectionError) {
        try forEachRow(values) { _ throws(ProjectionError) in }
    }

    /// Calls `body` for each row, with `values` bound in order.
    func forEachRow(
        _ values: [SQLiteValue], _ body: (SQLiteRow) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        defer { reset() }
        for (index, value) in values.enumerated() { try bind(value, at: Int32(index + 1)) }
        while let row = try step() { try body(row) }
    }

    /// The next row, or nil after the last; then ``reset()`` makes the statement ready again.
    func step() throws(ProjectionError) -> SQLiteRow? {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return SQLiteRow(statement: handle)
        case SQLITE_DONE: return nil
        default: throw Self.error(of: connection, "running a statement")
        }
    }

    /// Ends the current execution and forgets the bound values.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    private func bind(_ value: SQLiteValue, at index: Int32) throws(ProjectionError) {
        // SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code: Int32
        switch value {
        case .null: code = sqlite3_bind_null(handle, index)
        case .integer(let number): code = sqlite3_bind_int64(handle, index, number)
        case .text(var text):
            code = text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    sqlite3_bind_text(handle, index, characters.baseAddress, Int32(characters.count), transient)
                }
            }
        case .blob(let bytes): code = sqlite3_bind_blob(handle, index, bytes, Int32(bytes.count), transient)
        }
        guard code == SQLITE_OK else { throw Self.error(of: connection, "binding a value") }
    }

    private static func error(of connection: OpaquePointer, _ operation: String) -> ProjectionError {
        ProjectionError(
            sqlite: sqlite3_extended_errcode(connection), String(cString: sqlite3_errmsg(connection)),
            while: operation)
    }
}

/// The current row of a statement; valid only while the row is being handed out.
struct SQLiteRow {
    let statement: OpaquePointer

    /// How many columns there are.
    var columnCount: Int32 { sqlite3_column_count(statement) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    func text(_ column: Int32) -> String {
        guard let characters = sqlite3_column_text(statement, column) else { return "" }
        return String(
            decoding: UnsafeBufferPointer(start: characters, count: Int(sqlite3_column_bytes(statement, column))),
            as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }

    /// What `read` makes of the text in `column`.
    ///
    /// - Throws: `damaged` when it makes nothing of it.
    func parsed<Result>(_ column: Int32, _ read: (String) -> Result?) throws(ProjectionError) -> Result {
        guard let result = read(text(column)) else {
            throw ProjectionError(
                .damaged, "column \(name(column)) holds a value that cannot stand there; rebuild the file")
        }
        return result
    }

    /// Appends the column's type and value, for a digest: a tag, for text and blobs the length, then the bytes.
    func appendCanonical(_ column: Int32, to output: inout [UInt8]) {
        func append(_ number: UInt64) { withUnsafeBytes(of: number.bigEndian) { output.append(contentsOf: $0) } }
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER:
            output.append(UInt8(ascii: "i"))
            append(UInt64(bitPattern: integer(column)))
        case SQLITE_NULL: output.append(UInt8(ascii: "n"))
        case SQLITE_BLOB:
            let bytes = blob(column)
            output.append(UInt8(ascii: "b"))
            append(UInt64(bytes.count))
            output.append(contentsOf: bytes)
        default:
            let text = text(column).utf8
            output.append(UInt8(ascii: "t"))
            append(UInt64(text.count))
            output.append(contentsOf: text)
        }
    }

    /// The column's name.
    func name(_ column: Int32) -> String { sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "?" }

    /// The whole row for a digest.
    func canonicalBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        for column in 0..<columnCount { appendCanonical(column, to: &bytes) }
        return bytes
    }

    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}
