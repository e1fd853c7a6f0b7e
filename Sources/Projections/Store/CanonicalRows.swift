import Crypto
import GRDBSQLite
import Merkle
import SQLite

/// The hash over rows of a table in canonical form: of each column a tag and its value, of texts and blobs the length before
/// it.
///
/// Every byte of a projection goes through it, so it gathers them where nothing has to be asked for each.
struct CanonicalRows: ~Copyable {
    /// Bytes that are hashed at a time.
    private static let chunkBytes = 1 << 15
    /// A tag and a number.
    private static let headBytes = 9

    private var function = SHA256()
    // Owned by this value alone: allocated here, freed in `deinit`.
    private let pending = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 8)
    private var used = 0
    /// Rows that were added.
    private(set) var count = 0

    deinit { pending.deallocate() }

    /// Adds all columns of `row`.
    mutating func add(_ row: SQLiteRow) {
        for column in 0..<row.columnCount { add(row, column) }
        count += 1
    }

    /// The hash of all that was added. Call it once.
    mutating func hash() -> Hash {
        drain()
        guard let hash = Hash(bytes: Array(function.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
        return hash
    }

    private mutating func add(_ row: SQLiteRow, _ column: Int32) {
        let value = sqlite3_column_value(row.statement, column)
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: add(UInt8(ascii: "i"), UInt64(bitPattern: sqlite3_value_int64(value)))
        case SQLITE_NULL: add(UInt8(ascii: "n"), nil)
        case SQLITE_BLOB:
            let bytes = sqlite3_value_blob(value)
            add(UInt8(ascii: "b"), UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_value_bytes(value))))
        default:
            let text = sqlite3_value_text(value)
            add(UInt8(ascii: "t"), UnsafeRawBufferPointer(start: text, count: Int(sqlite3_value_bytes(value))))
        }
    }

    private mutating func add(_ tag: UInt8, _ bytes: UnsafeRawBufferPointer) {
        add(tag, UInt64(bytes.count))
        if bytes.count > pending.count - used { drain() }
        if bytes.count > pending.count {
            function.update(bufferPointer: bytes)
        } else {
            UnsafeMutableRawBufferPointer(rebasing: pending[used...]).copyMemory(from: bytes)
            used += bytes.count
        }
    }

    /// - Parameter number: nothing but the tag when it is nil.
    private mutating func add(_ tag: UInt8, _ number: UInt64?) {
        if Self.headBytes > pending.count - used { drain() }
        pending[used] = tag
        used += 1
        guard let number else { return }
        pending.storeBytes(of: number.bigEndian, toByteOffset: used, as: UInt64.self)
        used += 8
    }

    private mutating func drain() {
        function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: pending[..<used]))
        used = 0
    }
}
