import EventStore
import Ledger
import SQLite

/// `agents`: one row for each that is registered; `agent_facts`: their credentials; `agent_owners` and `agent_counts`: so
/// that nobody ever has to count; `agent_search`: the full-text index, a function of `agents` and so of no digest.
struct AgentsTable {
    static let definition = TableDefinition(
        name: "agents", key: "sequence",
        sql: """
            CREATE TABLE agents (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, customer INTEGER,
                url TEXT NOT NULL, api_url TEXT, facts_url TEXT, capabilities TEXT NOT NULL, tags TEXT NOT NULL,
                version TEXT, alive INTEGER NOT NULL, assigned_to TEXT, created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX agents_by_customer ON agents (customer, sequence);
            CREATE VIRTUAL TABLE agent_search USING fts5(
                words, labels, content='', tokenize='unicode61 remove_diacritics 2', prefix='3'
            )
            """)
    static let factsDefinition = TableDefinition(
        name: "agent_facts", key: "agent",
        sql: "CREATE TABLE agent_facts (agent INTEGER PRIMARY KEY, credential TEXT NOT NULL) STRICT")
    static let ownersDefinition = TableDefinition(
        name: "agent_owners", key: "customer",
        sql: "CREATE TABLE agent_owners (customer INTEGER PRIMARY KEY, agents INTEGER NOT NULL) STRICT")
    static let countsDefinition = TableDefinition(
        name: "agent_counts", key: "one",
        sql: """
            CREATE TABLE agent_counts (
                one INTEGER PRIMARY KEY, total INTEGER NOT NULL, alive INTEGER NOT NULL, owners INTEGER NOT NULL
            ) STRICT;
            INSERT INTO agent_counts VALUES (1, 0, 0, 0)
            """)

    /// A row as it is now.
    struct Row {
        let sequence: Int64
        let name: String
        var customer: Int64?
        var profile: AgentProfile
        var isAlive: Bool
        var assignedTo: String?

        fileprivate var search: AgentSearchText { AgentSearchText(name: name, profile: profile) }
    }

    private let find: SQLiteStatement
    private let insert: SQLiteStatement
    private let update: SQLiteStatement
    private let delete: SQLiteStatement
    private let index: SQLiteStatement
    private let unindex: SQLiteStatement
    private let setFacts: SQLiteStatement
    private let deleteFacts: SQLiteStatement
    private let own: SQLiteStatement
    private let disown: SQLiteStatement
    private let forgetOwner: SQLiteStatement
    private let count: SQLiteStatement
    private let agentsOf: SQLiteStatement
    private let idsOf: SQLiteStatement
    let probes: AgentProbesTable

    init(on connection: OpaquePointer) throws(ProjectionError) {
        func statement(_ sql: String) throws(ProjectionError) -> SQLiteStatement {
            try SQLiteStatement(sql, on: connection)
        }
        find = try statement(
            """
            SELECT sequence, name, customer, url, api_url, facts_url, capabilities, tags, version, alive, assigned_to
            FROM agents WHERE id = ?
            """)
        insert = try statement("INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, ?, ?)")
        update = try statement(
            """
            UPDATE agents SET customer = ?2, url = ?3, api_url = ?4, facts_url = ?5, capabilities = ?6, tags = ?7,
                version = ?8, alive = ?9, assigned_to = ?10, updated_at = ?11
            WHERE sequence = ?1
            """)
        delete = try statement("DELETE FROM agents WHERE sequence = ?")
        index = try statement("INSERT INTO agent_search (rowid, words, labels) VALUES (?, ?, ?)")
        unindex = try statement(
            "INSERT INTO agent_search (agent_search, rowid, words, labels) VALUES ('delete', ?, ?, ?)")
        setFacts = try statement("INSERT OR REPLACE INTO agent_facts VALUES (?, ?)")
        deleteFacts = try statement("DELETE FROM agent_facts WHERE agent = ?")
        own = try statement(
            "INSERT INTO agent_owners VALUES (?, 1) ON CONFLICT (customer) DO UPDATE SET agents = agents + 1")
        disown = try statement("UPDATE agent_owners SET agents = agents - 1 WHERE customer = ?")
        forgetOwner = try statement("DELETE FROM agent_owners WHERE customer = ? AND agents = 0")
        idsOf = try statement("SELECT id FROM agents WHERE customer = ? ORDER BY sequence")
        probes = try AgentProbesTable(on: connection)
        agentsOf = try statement("SELECT agents FROM agent_owners WHERE customer = ?")
        count = try statement(
            "UPDATE agent_counts SET total = total + ?, alive = alive + ?, owners = owners + ?")
    }

    func row(_ id: AgentID) throws(ProjectionError) -> Row? {
        var found: Row?
        try find.forEachRow([.text(id.text)]) { row throws(ProjectionError) in
            found = Row(
                sequence: row.integer(0), name: row.text(1), customer: row.optionalInteger(2),
                profile: AgentProfile(
                    url: row.text(3), apiURL: row.optionalText(4), factsURL: row.optionalText(5),
                    capabilities: try row.parsed(6, AgentLabels.read), tags: try row.parsed(7, AgentLabels.read),
                    version: row.optionalText(8)),
                isAlive: row.integer(9) != 0, assignedTo: row.optionalText(10))
        }
        return found
    }

    func add(_ event: AgentRegistered, id: AgentID, customer: Int64?, _ envelope: OpenedEnvelope)
        throws(ProjectionError)
    {
        let profile = event.profile
        let (sequence, at) = (Int64(envelope.sequence), envelope.at.microseconds)
        try insert.run(
            .integer(sequence), .text(id.text), .text(event.name.text), SQLiteValue(customer), .text(profile.url),
            SQLiteValue(profile.apiURL), SQLiteValue(profile.factsURL), .text(AgentLabels.text(profile.capabilities)),
            .text(AgentLabels.text(profile.tags)), SQLiteValue(profile.version), .integer(at), .integer(at))
        let search = AgentSearchText(name: event.name.text, profile: profile)
        try index.run(.integer(sequence), .text(search.words), .text(search.labels))
        try count.run(.integer(1), .integer(1), .integer(try owned(by: customer)))
    }

    /// Brings the row, the index and the counts from `old` to `new`.
    func change(_ old: Row, to new: Row, at time: Timestamp) throws(ProjectionError) {
        let profile = new.profile
        try update.run(
            .integer(new.sequence), SQLiteValue(new.customer), .text(profile.url), SQLiteValue(profile.apiURL),
            SQLiteValue(profile.factsURL), .text(AgentLabels.text(profile.capabilities)),
            .text(AgentLabels.text(profile.tags)), SQLiteValue(profile.version), .integer(new.isAlive ? 1 : 0),
            SQLiteValue(new.assignedTo), .integer(time.microseconds))
        if old.search != new.search {
            try unindex.run(.integer(old.sequence), .text(old.search.words), .text(old.search.labels))
            try index.run(.integer(new.sequence), .text(new.search.words), .text(new.search.labels))
        }
        let owners = old.customer == new.customer ? 0 : try owned(by: new.customer) - disowned(by: old.customer)
        try count.run(
            .integer(0), .integer((new.isAlive ? 1 : 0) - (old.isAlive ? 1 : 0)), .integer(owners))
    }

    func remove(_ row: Row) throws(ProjectionError) {
        try unindex.run(.integer(row.sequence), .text(row.search.words), .text(row.search.labels))
        try deleteFacts.run(.integer(row.sequence))
        try probes.remove(agent: row.sequence)
        try delete.run(.integer(row.sequence))
        try count.run(
            .integer(-1), .integer(row.isAlive ? -1 : 0), .integer(-(try disowned(by: row.customer))))
    }

    /// Every agent of `customer`.
    func removeAll(of customer: Int64) throws(ProjectionError) {
        var ids: [AgentID] = []
        try idsOf.forEachRow([.integer(customer)]) { row throws(ProjectionError) in
            ids.append(try row.parsed(0, AgentID.init))
        }
        for id in ids {
            if let row = try row(id) { try remove(row) }
        }
    }

    func setFacts(_ credential: String, of row: Row) throws(ProjectionError) {
        try setFacts.run(.integer(row.sequence), .text(credential))
    }

    /// One agent more of `customer`; 1 when it is its first.
    private func owned(by customer: Int64?) throws(ProjectionError) -> Int64 {
        guard let customer else { return 0 }
        try own.run(.integer(customer))
        var agents: Int64 = 0
        try agentsOf.forEachRow([.integer(customer)]) { row throws(ProjectionError) in agents = row.integer(0) }
        return agents == 1 ? 1 : 0
    }

    /// One agent fewer of `customer`; 1 when it was its last.
    private func disowned(by customer: Int64?) throws(ProjectionError) -> Int64 {
        guard let customer else { return 0 }
        try disown.run(.integer(customer))
        var agents: Int64 = 0
        try agentsOf.forEachRow([.integer(customer)]) { row throws(ProjectionError) in agents = row.integer(0) }
        guard agents == 0 else { return 0 }
        try forgetOwner.run(.integer(customer))
        return 1
    }
}
