import Crypto
import Dispatch
import EventStore
import Merkle
import Synchronization

/// Reads all rows of a file for their digest, tables side by side on all cores, as they are when it is made.
///
/// Memory: a page cache of 16 MiB for each core.
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
    /// Bytes that are hashed at a time.
    private static let chunkBytes = 1 << 15

    private let connection: ReadConnection
    private let statements: [SQLiteStatement]

    init(path: String, isLocking: Bool) throws(ProjectionError) {
        connection = try ReadConnection(path: path, isLocking: isLocking)
        var statements: [SQLiteStatement] = []
        for table in ProjectionSchema.tables { statements.append(try connection.prepare(table.allRows)) }
        self.statements = statements
        try connection.prepare("BEGIN").run()
        // Only a read begins the transaction in earnest.
        try connection.prepare("SELECT count(*) FROM sqlite_schema").forEachRow([]) { _ throws(ProjectionError) in }
    }

    func digest(ofTable index: Int) throws(ProjectionError) -> ProjectionDigest.Table {
        var function = SHA256()
        var rows = 0
        var pending: [UInt8] = []
        pending.reserveCapacity(2 * Self.chunkBytes)
        try statements[index].forEachRow([]) { row throws(ProjectionError) in
            row.appendCanonical(to: &pending)
            rows += 1
            guard pending.count >= Self.chunkBytes else { return }
            pending.withUnsafeBytes { function.update(bufferPointer: $0) }
            pending.removeAll(keepingCapacity: true)
        }
        pending.withUnsafeBytes { function.update(bufferPointer: $0) }
        guard let hash = Hash(bytes: Array(function.finalize())) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return .init(name: ProjectionSchema.tables[index].name, rows: rows, hash: hash)
    }
}
