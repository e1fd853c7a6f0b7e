import Dispatch
import EventStore
import Synchronization
import SQLite

/// Reads all rows of a file for their digest, tables side by side on all cores, as they are when it is made.
///
/// Memory: half a MiB of pages for each core. None is looked at twice.
struct DigestReader: Sendable {
    private let copies: [RowReader]

    /// Opens `path`, to which nobody may write rows until the digest is there.
    ///
    /// - Parameter isLocking: false for a file whose only writer is the caller, and holds its lock.
    init(path: String, isLocking: Bool = true) throws(ProjectionError) {
        var copies: [RowReader] = []
        for _ in 0..<ScanResources.usableCores { copies.append(try RowReader(path: path, isLocking: isLocking)) }
        self.copies = copies
    }

    /// The digest. Call it once.
    func digest() throws(ProjectionError) -> ProjectionDigest {
        let next = Atomic<Int>(0)
        let found = Mutex<[Int: Result<ProjectionDigest.Table, ProjectionError>]>([:])
        DispatchQueue.concurrentPerform(iterations: copies.count) { number in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < ProjectionSchema.tables.count else { return }
                let table = Result { () throws(ProjectionError) in try copies[number].digest(ofTable: index) }
                found.withLock { $0[index] = table }
            }
        }
        let results = found.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
        var tables: [ProjectionDigest.Table] = []
        for result in results { tables.append(try result.get()) }
        return ProjectionDigest(tables: tables)
    }
}

/// One connection in one read transaction, with a statement for each table.
// @unchecked: `DigestReader.digest()` uses each from one of its threads alone, after it was made.
private final class RowReader: @unchecked Sendable {
    private let connection: ReadConnection
    private let statements: [SQLiteStatement]

    init(path: String, isLocking: Bool) throws(ProjectionError) {
        connection = try ReadConnection(path: path, isLocking: isLocking)
        try connection.prepare("PRAGMA cache_size = -512").run()
        var statements: [SQLiteStatement] = []
        for table in ProjectionSchema.tables { statements.append(try connection.prepare(table.allRows)) }
        self.statements = statements
        try connection.prepare("BEGIN").run()
        // Only a read begins the transaction in earnest.
        try connection.prepare("SELECT count(*) FROM sqlite_schema").forEachRow([]) { _ throws(ProjectionError) in }
    }

    func digest(ofTable index: Int) throws(ProjectionError) -> ProjectionDigest.Table {
        var rows = CanonicalRows()
        try statements[index].forEachRow([]) { row throws(ProjectionError) in rows.add(row) }
        return .init(name: ProjectionSchema.tables[index].name, rows: rows.count, hash: rows.hash())
    }
}
