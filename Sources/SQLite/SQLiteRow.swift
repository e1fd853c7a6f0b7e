import GRDBSQLite

/// The current row of a statement; valid only until the next step.
public struct SQLiteRow {
    /// SQLite's own handle of the statement.
    public let statement: OpaquePointer

    /// How many columns there are.
    public var columnCount: Int32 { sqlite3_column_count(statement) }

    /// The column's name.
    public func name(_ column: Int32) -> String {
        sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "?"
    }

    /// The number in `column`, counted from 0; 0 for null.
    public func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    /// The number in `column`, or nil for null.
    public func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    /// The text in `column`; empty for null.
    public func text(_ column: Int32) -> String {
        guard let characters = sqlite3_column_text(statement, column) else { return "" }
        return String(
            decoding: UnsafeBufferPointer(start: characters, count: Int(sqlite3_column_bytes(statement, column))),
            as: UTF8.self)
    }

    /// The text in `column`, or nil for null.
    public func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// The bytes in `column`; none for null.
    public func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }

    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}
