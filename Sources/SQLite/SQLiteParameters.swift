import GRDBSQLite

/// Gives a statement its parameters, one after the other.
///
/// Texts and bytes are copied behind each other into memory that the statement keeps, where SQLite reads them: no array, no
/// boxed value and no allocation for each.
public struct SQLiteParameters: ~Copyable {
    private let handle: OpaquePointer
    // The statement's, which gives out one value of this type at a time.
    private let room: UnsafeMutableRawBufferPointer
    private var used = 0
    private var index: Int32 = 0
    /// The first result code that was not `SQLITE_OK`.
    private(set) var result = SQLITE_OK

    init(of handle: OpaquePointer, room: UnsafeMutableRawBufferPointer) {
        self.handle = handle
        self.room = room
    }

    /// A number, or null.
    public mutating func add(_ number: Int64?) {
        guard let number else { return addNull() }
        index += 1
        note(sqlite3_bind_int64(handle, index, number))
    }

    /// A text, or null.
    public mutating func add(_ text: String?) {
        guard let text else { return addNull() }
        let isAdded: Void? = text.utf8.withContiguousStorageIfAvailable { add(utf8: UnsafeRawBufferPointer($0)) }
        if isAdded == nil { Array(text.utf8).withUnsafeBytes { add(utf8: $0) } }
    }

    /// A text of which the bytes are at hand, in UTF-8.
    public mutating func add(utf8 bytes: UnsafeRawBufferPointer) {
        index += 1
        let (place, destructor) = keep(bytes)
        note(
            sqlite3_bind_text(
                handle, index, place.assumingMemoryBound(to: CChar.self), Int32(bytes.count), destructor))
    }

    /// Bytes.
    public mutating func add(blob bytes: UnsafeRawBufferPointer) {
        index += 1
        let (place, destructor) = keep(bytes)
        note(sqlite3_bind_blob(handle, index, place, Int32(bytes.count), destructor))
    }

    /// Any value.
    public mutating func add(_ value: SQLiteValue) {
        switch value {
        case .null: addNull()
        case .integer(let number): add(number)
        case .text(let text): add(text)
        case .blob(let bytes): bytes.withUnsafeBytes { add(blob: $0) }
        }
    }

    private mutating func addNull() {
        index += 1
        note(sqlite3_bind_null(handle, index))
    }

    /// Null for each parameter up to the one numbered `count` that was given nothing.
    mutating func addNulls(upTo count: Int) {
        while index < count { addNull() }
    }

    private mutating func note(_ code: Int32) {
        if result == SQLITE_OK { result = code }
    }

    /// - Returns: where the bytes stand until the statement is reset, and what SQLite does about them: nothing when they are
    ///   in the statement's memory, a copy of its own when there is no room left.
    private mutating func keep(
        _ bytes: UnsafeRawBufferPointer
    ) -> (UnsafeRawPointer, sqlite3_destructor_type?) {
        guard let base = room.baseAddress, let source = bytes.baseAddress else {
            // Of no bytes any address will do, but for null, which would bind null.
            return (UnsafeRawPointer(handle), nil)
        }
        guard bytes.count <= room.count - used else { return (source, Self.transient) }
        let place = base + used
        place.copyMemory(from: source, byteCount: bytes.count)
        used += bytes.count
        return (UnsafeRawPointer(place), nil)
    }

    /// `SQLITE_TRANSIENT`, a macro that Swift does not see.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
