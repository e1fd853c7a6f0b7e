import GRDB

/// The one connection that writes, with its projector. Lives behind the store's lock.
// @unchecked: it is the value of the store's Mutex and is used only while that lock is held.
final class ProjectionWriter: @unchecked Sendable {
    let path: String
    private let directories: Directories
    private let database: DatabaseQueue
    /// Nil when the file is closed.
    private var work: Work?
    private(set) var position: UInt64

    /// What has statements of the file.
    private struct Work {
        let projector: Projector
        let transaction: ProjectionTransaction

        init(on database: Database, directories: Directories) throws {
            guard let connection = database.sqliteConnection else {
                throw ProjectionError(.storage, "the connection is closed")
            }
            projector = try Projector(on: connection, directories: directories)
            transaction = try ProjectionTransaction(on: connection)
        }
    }

    /// Pages after which the write-ahead log is copied back into the file, 4 KiB each.
    private static let checkpointPages = 4_096

    init(path: String, directories: Directories) throws(ProjectionError) {
        self.path = path
        self.directories = directories
        do {
            var configuration = Configuration()
            configuration.label = "projections"
            configuration.journalMode = .wal
            configuration.prepareDatabase { database in
                try database.execute(
                    sql: """
                        PRAGMA synchronous = NORMAL;
                        PRAGMA wal_autocheckpoint = \(Self.checkpointPages);
                        PRAGMA cache_size = -65536;
                        PRAGMA temp_store = MEMORY
                        """)
            }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.write(ProjectionFile.createSchemaIfEmpty)
            let work = try database.unsafeReentrantWrite { try Work(on: $0, directories: directories) }
            position = work.projector.position
            self.work = work
        } catch { throw ProjectionError(error, while: "opening \(path)") }
    }

    func apply(_ envelopes: [OpenedEnvelope]) throws(ProjectionError) {
        guard let work else { throw ProjectionError(.storage, "the projections are closed") }
        let projector = work.projector
        do {
            try database.writeWithoutTransaction { _ in
                try work.transaction.run { () throws(ProjectionError) in
                    for index in envelopes.indices { try projector.apply(envelopes[index]) }
                    try projector.flush()
                }
            }
        } catch {
            try reload()
            throw ProjectionError(error, while: "applying events from \(position) on")
        }
        projector.publish()
        position = projector.position
    }

    func close() throws(ProjectionError) {
        work = nil
        do {
            try database.write { try $0.execute(sql: "PRAGMA optimize") }
            try database.close()
        } catch { throw ProjectionError(error, while: "closing \(path)") }
    }

    /// After a transaction that was rolled back: what was in memory is read again.
    private func reload() throws(ProjectionError) {
        work = nil
        do {
            work = try database.unsafeReentrantWrite { try Work(on: $0, directories: directories) }
        } catch { throw ProjectionError(error, while: "reading \(path) again after a failure") }
    }
}
