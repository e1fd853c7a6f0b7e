import Dispatch
import EventStore
import GRDB
import Synchronization

/// Builds the projections of a whole log as a new file, several times quicker than ``ProjectionStore/apply(_:)`` does:
/// nobody reads it meanwhile, and a builder that dies leaves nothing that anybody would take for projections.
///
/// ```swift
/// let builder = try ProjectionBuilder(path: "projections.sqlite")
/// try builder.apply(OpenedEnvelope.all(of: batch))   // from the log's first event on, in order
/// let digest = try builder.finish()                  // the file is there, durable and complete
/// ```
///
/// All of it is one transaction without a journal in a file beside `path`, which is synced and renamed at the end; indexes
/// that only reads use are made when all rows are there. Rows are the same as when the events are applied one by one.
///
/// Memory: 8 MiB of pages, 64 MiB for sorting an index at the end, and what ``KeyDirectory``, ``CustomerDirectory`` and live sessions take. Blocking,
/// and used by one thread.
public final class ProjectionBuilder {
    /// Pages in memory, 4 KiB each. Few, so that rows go to the file while others are still read, and not all at the end;
    /// almost all are added behind the last ones.
    private static let cachePages = 2_048
    /// Events after which rows that were changed in memory are written, about.
    static let eventsPerFlush = 16_384

    private let path: String
    private let workingPath: String
    private let eventsPerFlush: Int
    /// Nil when the file is closed.
    private var database: DatabaseQueue?
    private var projector: Projector?
    private var unflushed = 0

    /// Begins a file for `path`; what a builder that died has left beside it is removed.
    ///
    /// - Throws: ``ProjectionError`` `storage` when the place cannot be written.
    public convenience init(path: String) throws(ProjectionError) {
        try self.init(path: path, eventsPerFlush: Self.eventsPerFlush)
    }

    init(path: String, eventsPerFlush: Int) throws(ProjectionError) {
        self.path = path
        self.eventsPerFlush = eventsPerFlush
        workingPath = ProjectionFile.rebuildPath(path)
        try ProjectionFile.remove(workingPath)
        do {
            let database = try DatabaseQueue(path: workingPath, configuration: Self.configuration)
            try database.unsafeReentrantWrite(ProjectionFile.createTables)
            projector = try database.unsafeReentrantWrite { database in
                guard let connection = database.sqliteConnection else {
                    throw ProjectionError(.storage, "the connection is closed")
                }
                try database.execute(sql: "BEGIN EXCLUSIVE")
                return try Projector(on: connection, directories: Directories())
            }
            self.database = database
        } catch {
            throw ProjectionError(error, while: "building \(workingPath)")
        }
    }

    deinit { abandon() }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "projections-build"
        // The one transaction begins and ends with the builder.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            // A failure costs the whole file, so there is nothing to go back to. Sorting may use temporary files.
            try database.execute(
                sql: """
                    PRAGMA journal_mode = OFF;
                    PRAGMA synchronous = OFF;
                    PRAGMA locking_mode = EXCLUSIVE;
                    PRAGMA cache_size = \(cachePages)
                    """)
        }
        return configuration
    }

    /// Whether nothing more can be done with it: it has finished, or failed.
    public var hasEnded: Bool { projector == nil }

    /// The sequence number of the event that must be applied next; 0 after the end.
    public var position: UInt64 { projector?.position ?? 0 }

    /// Applies the next events of the log. After an error the builder is of no more use.
    ///
    /// - Throws: ``ProjectionError`` `gap` when the first is not the one at ``position`` or one is missing between, `event`
    ///   when one cannot be placed, `storage` by SQLite or when the builder has ended.
    public func apply(_ envelopes: [OpenedEnvelope]) throws(ProjectionError) {
        do throws(ProjectionError) { try write(envelopes) } catch {
            abandon()
            throw ProjectionError(error, while: "building \(workingPath)")
        }
    }

    /// Completes the file, syncs it to the disk and puts it in the place of `path`.
    ///
    /// - Returns: the digest of its rows, all of which are read back.
    /// - Throws: ``ProjectionError`` `storage`; then `path` is as it was.
    public func finish() throws(ProjectionError) -> ProjectionDigest {
        do {
            try flush()
            guard let database else { throw Self.ended }
            projector = nil
            try database.unsafeReentrantWrite { try $0.execute(sql: "COMMIT") }
            // The rows' pages stay as they are from here on: they are read back, and go to the disk, while the indexes are
            // made behind them.
            let reader = try DigestReader(path: workingPath, isLocking: false)
            let digest = Errand(name: "nrx-digest") { () throws(ProjectionError) in try reader.digest() }
            let rows = Errand(name: "nrx-sync") { [workingPath] () throws(ProjectionError) in
                try ProjectionFile.sync(workingPath)
            }
            try database.unsafeReentrantWrite { database in
                // Also decides how much is sorted in memory.
                try database.execute(sql: "PRAGMA cache_size = -65536")
                try database.inTransaction {
                    try ProjectionFile.createIndexes(database)
                    return .commit
                }
            }
            try database.close()
            self.database = nil
            try rows.result()
            try ProjectionFile.sync(workingPath)
            let result = try digest.result()
            try ProjectionFile.replace(path, by: workingPath)
            return result
        } catch {
            abandon()
            throw ProjectionError(error, while: "building \(workingPath)")
        }
    }

    /// Ends the work and removes what there is of the file; nothing after ``finish()``.
    public func abandon() {
        projector = nil
        guard let open = database else { return }
        database = nil
        // What cannot be closed or removed is removed by the next builder.
        try? open.close()
        try? ProjectionFile.remove(workingPath)
    }

    private func write(_ envelopes: [OpenedEnvelope]) throws(ProjectionError) {
        guard let projector else { throw Self.ended }
        for index in envelopes.indices { try projector.apply(envelopes[index]) }
        unflushed += envelopes.count
        if unflushed >= eventsPerFlush { try flush() }
    }

    /// Writes the rows that were changed in memory.
    private func flush() throws(ProjectionError) {
        guard let projector else { throw Self.ended }
        try projector.flush()
        projector.publish()
        unflushed = 0
        try ProjectionFile.beginSync(workingPath)
    }

    private static let ended = ProjectionError(.storage, "this builder has ended; begin another one")
}

/// Something that a thread of its own does meanwhile.
private final class Errand<Value: Sendable>: Sendable {
    private let outcome = Mutex<Result<Value, ProjectionError>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(name: String, _ body: @escaping @Sendable () throws(ProjectionError) -> Value) {
        DedicatedThread.start(name: name) { [self] in
            let result = Result { () throws(ProjectionError) in try body() }
            outcome.withLock { $0 = result }
            done.signal()
        }
    }

    /// Waits for it. Call it once.
    func result() throws(ProjectionError) -> Value {
        done.wait()
        guard let result = outcome.withLock({ $0 }) else { preconditionFailure("it is signalled with its outcome") }
        return try result.get()
    }
}
