import EventStore
import Ledger
import Proofs
import SQLite

/// `backups`: whose each backup is, for the feed; how it stands is in the ledger's state.
struct BackupsTable {
    static let definition = TableDefinition(
        name: "backups", key: "sequence",
        sql: """
            CREATE TABLE backups (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer INTEGER NOT NULL,
                environment TEXT NOT NULL
            ) STRICT
            """)

    struct Row {
        let sequence: Int64
        let customer: Int64
        let environment: KeyEnvironment
    }

    private let insert: SQLiteStatement
    private let find: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO backups VALUES (?, ?, ?, ?)", on: connection)
        find = try SQLiteStatement("SELECT sequence, customer, environment FROM backups WHERE id = ?", on: connection)
    }

    func add(_ id: BackupID, _ row: Row) throws(ProjectionError) {
        try insert.run(
            .integer(row.sequence), .text(id.text), .integer(row.customer), .text(row.environment.rawValue))
    }

    func row(_ id: BackupID) throws(ProjectionError) -> Row? {
        var found: Row?
        try find.forEachRow([.text(id.text)]) { row throws(ProjectionError) in
            found = Row(
                sequence: row.integer(0), customer: row.integer(1),
                environment: try row.parsed(2, KeyEnvironment.init(rawValue:)))
        }
        return found
    }
}
