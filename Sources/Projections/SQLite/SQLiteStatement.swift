import GRDBSQLite
import SQLite

/// A prepared statement of the projections' file, whose errors are the projections' own.
struct SQLiteStatement {
    private let statement: PreparedStatement

    init(_ sql: String, on connection: OpaquePointer) throws(ProjectionError) {
        do throws(SQLiteError) { statement = try PreparedStatement(sql, on: connection) } catch {
            throw ProjectionError(error)
        }
    }

    /// Runs a statement that gives no rows.
    func run(_ values: SQLiteValue...) throws(ProjectionError) {
        do throws(SQLiteError) { try statement.run(values) } catch { throw ProjectionError(error) }
    }

    /// Runs a statement that gives no rows, with the parameters that `give` adds in order.
    func run(_ give: (inout SQLiteParameters) -> Void) throws(ProjectionError) {
        do throws(SQLiteError) { try statement.run(give) } catch { throw ProjectionError(error) }
    }

    /// Calls `body` for each row, with `values` bound in order.
    func forEachRow(
        _ values: [SQLiteValue], _ body: (SQLiteRow) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        do throws(SQLiteError) { try statement.bind(values) } catch { throw ProjectionError(error) }
        defer { statement.reset() }
        while let row = try step() { try body(row) }
    }

    /// The next row, or nil after the last.
    func step() throws(ProjectionError) -> SQLiteRow? {
        do throws(SQLiteError) { return try statement.step() } catch { throw ProjectionError(error) }
    }
}

extension SQLiteRow {
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

    /// Appends the column's type and value, as ``CanonicalRows`` has them: a tag, for text and blobs the length, then the bytes.
    func appendCanonical(_ column: Int32, to output: inout [UInt8]) {
        let value = sqlite3_column_value(statement, column)
        func append(_ tag: UInt8, _ number: UInt64) {
            output.append(tag)
            withUnsafeBytes(of: number.bigEndian) { output.append(contentsOf: $0) }
        }
        func append(_ tag: UInt8, _ start: UnsafeRawPointer?) {
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
            append(tag, UInt64(bytes.count))
            output.append(contentsOf: bytes)
        }
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: append(UInt8(ascii: "i"), UInt64(bitPattern: sqlite3_value_int64(value)))
        case SQLITE_NULL: output.append(UInt8(ascii: "n"))
        case SQLITE_BLOB: append(UInt8(ascii: "b"), sqlite3_value_blob(value))
        default: append(UInt8(ascii: "t"), sqlite3_value_text(value))
        }
    }

}

extension ProjectionError {
    init(_ error: SQLiteError) { self.init(sqlite: error.code, error.message, while: error.operation) }
}
