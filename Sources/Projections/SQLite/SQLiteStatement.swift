import GRDBSQLite

/// A value for a statement's parameter.
enum SQLiteValue {
    case null
    case integer(Int64)
    case text(String)
    /// Text of which the bytes are at hand, in UTF-8.
    case utf8([UInt8])
    case blob([UInt8])

    /// The number, or null.
    init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

    /// The text, or null.
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }

    /// Bytes of a text or blob.
    fileprivate var byteCount: Int {
        switch self {
        case .null, .integer: 0
        case .text(let text): text.utf8.count
        case .utf8(let bytes), .blob(let bytes): bytes.count
        }
    }
}

/// One prepared statement with constant text, kept for the life of its connection.
///
/// GRDB opens and configures the database and runs the transactions; its statements cost an array of boxed values and a
/// validation at every execution, which at a hundred thousand events a second is most of the time.
final class SQLiteStatement {
    private let connection: OpaquePointer
    private let handle: OpaquePointer
    /// The bytes of the texts and blobs that are bound: SQLite reads them here, instead of a copy that it would have to
    /// allocate and free for each.
    private var bound = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)

    init(_ sql: String, on connection: OpaquePointer) throws(ProjectionError) {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &prepared, nil) == SQLITE_OK, let prepared else {
            throw Self.error(of: connection, "preparing a statement")
        }
        self.connection = connection
        handle = prepared
    }

    deinit {
        sqlite3_finalize(handle)
        bound.deallocate()
    }

    /// Runs a statement that gives no rows.
    func run(_ values: SQLiteValue...) throws(ProjectionError) {
        try forEachRow(values) { _ throws(ProjectionError) in }
    }

    /// Calls `body` for each row, with `values` bound in order.
    func forEachRow(
        _ values: [SQLiteValue], _ body: (SQLiteRow) throws(ProjectionError) -> Void
    ) throws(ProjectionError) {
        defer { reset() }
        try bind(values)
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

    private func bind(_ values: [SQLiteValue]) throws(ProjectionError) {
        reserve(values.reduce(0) { $0 + $1.byteCount })
        var used = 0
        for (index, value) in values.enumerated() {
            guard bind(value, at: Int32(index + 1), used: &used) == SQLITE_OK else {
                throw Self.error(of: connection, "binding a value")
            }
        }
    }

    /// Makes room for `count` bytes in all. Nothing may be bound.
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
        func append(_ tag: UInt8, _ start: UnsafeRawPointer?) {
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
            output.append(tag)
            append(UInt64(bytes.count))
            output.append(contentsOf: bytes)
        }
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER:
            output.append(UInt8(ascii: "i"))
            append(UInt64(bitPattern: integer(column)))
        case SQLITE_NULL: output.append(UInt8(ascii: "n"))
        case SQLITE_BLOB: append(UInt8(ascii: "b"), sqlite3_column_blob(statement, column))
        default: append(UInt8(ascii: "t"), sqlite3_column_text(statement, column))
        }
    }

    /// The column's name.
    func name(_ column: Int32) -> String { sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "?" }

    /// Appends the whole row, for a digest.
    func appendCanonical(to output: inout [UInt8]) {
        for column in 0..<columnCount { appendCanonical(column, to: &output) }
    }

    private func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
}
