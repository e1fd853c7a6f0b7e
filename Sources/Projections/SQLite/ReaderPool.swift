import Synchronization
import SQLite

/// A few read connections, each behind its own lock. A read takes the first that is free.
///
/// Reads are index look-ups of microseconds on pages that are in memory, so they run on the caller's thread.
final class ReaderPool: Sendable {
    // Nil only while the file beneath is being exchanged.
    private let first: Mutex<ReadConnection?>
    private let second: Mutex<ReadConnection?>
    private let third: Mutex<ReadConnection?>

    init(path: String) throws(ProjectionError) {
        first = Mutex(try ReadConnection(path: path))
        second = Mutex(try ReadConnection(path: path))
        third = Mutex(try ReadConnection(path: path))
    }

    /// All rows of `query` as `read` makes them.
    func rows<Result: Sendable>(
        _ query: Query, _ values: [SQLiteValue] = [], _ read: (SQLiteRow) throws(ProjectionError) -> Result
    ) throws(ProjectionError) -> [Result] {
        try withConnection { connection throws(ProjectionError) in
            var results: [Result] = []
            try connection.forEachRow(of: query, values) { row throws(ProjectionError) in
                results.append(try read(row))
            }
            return results
        }
    }

    /// The first row of `query`, or nil.
    func row<Result: Sendable>(
        _ query: Query, _ values: [SQLiteValue] = [], _ read: (SQLiteRow) throws(ProjectionError) -> Result
    ) throws(ProjectionError) -> Result? {
        try rows(query, values, read).first
    }

    /// Closes all connections, calls `exchange`, and opens new ones at `path`. Reads that come meanwhile are refused.
    func reopen(path: String, after exchange: () throws(ProjectionError) -> Void) throws(ProjectionError) {
        first.withLock { $0 = nil }
        second.withLock { $0 = nil }
        third.withLock { $0 = nil }
        try exchange()
        try first.withLock { connection throws(ProjectionError) in connection = try ReadConnection(path: path) }
        try second.withLock { connection throws(ProjectionError) in connection = try ReadConnection(path: path) }
        try third.withLock { connection throws(ProjectionError) in connection = try ReadConnection(path: path) }
    }

    /// Closes all connections.
    func close() {
        first.withLock { $0 = nil }
        second.withLock { $0 = nil }
        third.withLock { $0 = nil }
    }

    private func withConnection<Result: Sendable>(
        _ body: (ReadConnection) throws(ProjectionError) -> Result
    ) throws(ProjectionError) -> Result {
        func call(_ connection: ReadConnection?) throws(ProjectionError) -> Result {
            guard let connection else {
                throw ProjectionError(.storage, "the projections are closed or being exchanged; ask again")
            }
            return try body(connection)
        }
        if let result = try first.withLockIfAvailable({ connection throws(ProjectionError) in try call(connection) }) {
            return result
        }
        if let result = try second.withLockIfAvailable({ connection throws(ProjectionError) in try call(connection) }) {
            return result
        }
        return try third.withLock { connection throws(ProjectionError) in try call(connection) }
    }
}
