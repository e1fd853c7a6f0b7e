import SQLite

/// A table of the projections: what it is called, what its rows are ordered by, and how it is made.
struct TableDefinition: Sendable {
    let name: String
    /// The columns of the primary key, as `ORDER BY` takes them.
    let key: String
    /// One or more statements, separated by semicolons.
    let sql: String
    /// Statements for the indexes that only reads use: applying an event never does, so that whoever builds a whole file
    /// makes them when all rows are there.
    var indexes: [String] = []
}

/// The whole schema. Change anything in it, or in what an event does to it, and raise ``version``: existing files are
/// then rebuilt from the log.
enum ProjectionSchema {
    /// Stands in the file as `user_version`.
    static let version: Int64 = 10
    /// `NRXp`: stands in the file as `application_id`, so that no other database is taken for ours.
    static let applicationID: Int64 = 0x4E52_5870

    /// In the order in which digests go through them.
    static let tables: [TableDefinition] = [
        CustomersTable.definition, KeysTable.definition, KeysTable.secretsDefinition, SessionsTable.definition,
        ProofsTable.definition,
        VerificationKeysTable.definition, UsageTable.definition,
        UsageTable.liveDefinition, MembersTable.definition, InvitationsTable.definition, AgentsTable.definition,
        AgentsTable.factsDefinition, AgentsTable.ownersDefinition, AgentsTable.countsDefinition,
        AgentProbesTable.definition, BackupsTable.definition, EventsTable.definition,
        RememberedAnswersTable.definition, ProgressTable.definition,
    ]
}

/// `progress`: one row that says which event comes next and which billing cycle is counted in; written in the same
/// transaction as the rows that depend on it.
struct ProgressTable {
    static let definition = TableDefinition(
        name: "progress", key: "position",
        sql: """
            CREATE TABLE progress (position INTEGER PRIMARY KEY, cycle_start INTEGER NOT NULL) STRICT;
            INSERT INTO progress VALUES (0, 0)
            """)

    private let update: SQLiteStatement
    private let read: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        update = try SQLiteStatement("UPDATE progress SET position = ?, cycle_start = ?", on: connection)
        read = try SQLiteStatement("SELECT position, cycle_start FROM progress", on: connection)
    }

    func load() throws(ProjectionError) -> (position: UInt64, cycleStart: Int64) {
        var found: (position: UInt64, cycleStart: Int64)?
        try read.forEachRow([]) { row throws(ProjectionError) in
            found = (UInt64(clamping: row.integer(0)), row.integer(1))
        }
        guard let found else { throw ProjectionError(.damaged, "the file does not say which event comes next") }
        return found
    }

    func store(position: UInt64, cycleStart: Int64) throws(ProjectionError) {
        try update.run(.integer(Int64(clamping: position)), .integer(cycleStart))
    }
}
