import GRDB

/// The one connection that writes, with its projector. Lives behind the store's lock.
// @unchecked: it is the value of the store's Mutex and is used only while that lock is held.
final class ProjectionWriter: @unchecked Sendable {
    let path: String
    private let directories: Directories
    private let database: DatabaseQueue
    /// Nil when the file is closed.
    private var projector: Projector?
    private(set) var position: UInt64

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
            let projector = try database.unsafeReentrantWrite { database in
                try Projector(on: Self.connection(of: database), directories: directories)
            }
            position = projector.position
            self.projector = projector
        } catch { throw ProjectionError(error, while: "opening \(path)") }
    }

    func apply(_ envelopes: [OpenedEnvelope]) throws(ProjectionError) {
        guard let projector else { throw ProjectionError(.storage, "the projections are closed") }
        do {
            try database.write { _ in
                for envelope in envelopes { try projector.apply(envelope) }
                try projector.flush()
            }
        } catch {
            try reload()
            throw ProjectionError(error, while: "applying events from \(position) on")
        }
        projector.publish()
        position = projector.position
    }

    func close() throws(ProjectionError) {
        projector = nil
        do {
            try database.write { try $0.execute(sql: "PRAGMA optimize") }
            try database.close()
        } catch { throw ProjectionError(error, while: "closing \(path)") }
    }

    /// After a transaction that was rolled back: what was in memory is read again.
    private func reload() throws(ProjectionError) {
        projector = nil
        do {
            projector = try database.unsafeReentrantWrite { database in
                try Projector(on: Self.connection(of: database), directories: directories)
            }
        } catch { throw ProjectionError(error, while: "reading \(path) again after a failure") }
    }

    private static func connection(of database: Database) throws -> OpaquePointer {
        guard let connection = database.sqliteConnection else {
            throw ProjectionError(.storage, "the connection is closed")
        }
        return connection
    }
}
