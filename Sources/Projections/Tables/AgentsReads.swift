public import EventStore
public import Ledger
import SQLite

/// A registered agent, as anyone may see it.
public struct AgentView: Sendable, Equatable {
    public let id: AgentID
    public let name: AgentName
    public let profile: AgentProfile
    public let isAlive: Bool
    public let assignedTo: String?
    public let createdAt: Timestamp
    public let updatedAt: Timestamp
}

/// How many there are.
public struct AgentCounts: Sendable, Equatable {
    public let total: Int64
    public let alive: Int64
    /// Customers with at least one agent.
    public let owners: Int64
}

extension AgentView {
    static let columns = """
        a.id, a.name, a.url, a.api_url, a.facts_url, a.capabilities, a.tags, a.version, a.alive, a.assigned_to,
        a.created_at, a.updated_at, a.sequence
        """
    static let byName = Query("SELECT \(columns) FROM agents a WHERE a.name = ?")
    static let inOrder = Query("SELECT \(columns) FROM agents a WHERE a.name > ? ORDER BY a.name LIMIT ?")
    static let found = Query(
        """
        SELECT \(columns) FROM agent_search JOIN agents a ON a.sequence = agent_search.rowid
        WHERE agent_search MATCH ?1
            AND agent_search.rowid < coalesce((SELECT sequence FROM agents WHERE name = ?2), 9223372036854775807)
        ORDER BY agent_search.rowid DESC LIMIT ?3
        """)
    static let newest = Query(
        """
        SELECT \(columns) FROM agents a
        WHERE a.sequence < coalesce((SELECT sequence FROM agents WHERE name = ?1), 9223372036854775807)
        ORDER BY a.sequence DESC LIMIT ?2
        """)
    static let ofCustomer = Query(
        """
        SELECT \(columns) FROM agents a
        WHERE a.customer = ?1 AND a.sequence < coalesce((SELECT sequence FROM agents WHERE name = ?2), 9223372036854775807)
        ORDER BY a.sequence DESC LIMIT ?3
        """)
    static let facts = Query(
        "SELECT f.credential FROM agents a JOIN agent_facts f ON f.agent = a.sequence WHERE a.name = ?")
    static let counts = Query("SELECT total, alive, owners FROM agent_counts")
    static let timeline = Query(
        """
        SELECT \(EventView.columns) FROM agents a JOIN events e ON e.session = a.sequence
        WHERE a.name = ? AND a.customer = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, AgentID.init)
        name = try row.parsed(1, AgentName.init)
        profile = AgentProfile(
            url: row.text(2), apiURL: row.optionalText(3), factsURL: row.optionalText(4),
            capabilities: try row.parsed(5, AgentLabels.read), tags: try row.parsed(6, AgentLabels.read),
            version: row.optionalText(7))
        isAlive = row.integer(8) != 0
        assignedTo = row.optionalText(9)
        createdAt = Timestamp(microseconds: row.integer(10))
        updatedAt = Timestamp(microseconds: row.integer(11))
    }
}

extension ProjectionStore {
    /// The agent called `name`, or nil.
    public func agent(_ name: AgentName) throws(ProjectionError) -> AgentView? {
        try readers.row(AgentView.byName, [.text(name.text)], AgentView.init)
    }

    /// Agents in the order of their names, those behind `after` when one is given.
    public func agents(after: AgentName? = nil, limit: Int) throws(ProjectionError) -> Page<AgentView> {
        let rows = try readers.rows(
            AgentView.inOrder, [.text(after?.text ?? ""), .integer(Int64(limit) + 1)], AgentView.init)
        return Page(rows, limit: limit)
    }

    /// Agents that fit all that is asked, newest first, those older than `after`. Reads as much of the index as it takes to
    /// find them, never all rows.
    ///
    /// - Parameters:
    ///   - text: words of the name, address, capabilities or tags; `weath*` for a beginning of at least 3 characters.
    ///   - capabilities: each must be one of the agent's, whatever its case. So must `tags`.
    public func searchAgents(
        text: String, capabilities: [String], tags: [String], after: AgentName? = nil, limit: Int
    ) throws(ProjectionError) -> Page<AgentView> {
        let cursor = SQLiteValue(after?.text)
        let rowsWanted = SQLiteValue.integer(Int64(limit) + 1)
        guard let question = AgentSearchText.question(text: text, capabilities: capabilities, tags: tags) else {
            return Page(try readers.rows(AgentView.newest, [cursor, rowsWanted], AgentView.init), limit: limit)
        }
        return Page(
            try readers.rows(AgentView.found, [.text(question), cursor, rowsWanted], AgentView.init), limit: limit)
    }

    /// The agents of `customer`, newest first, those older than `after`.
    public func agents(
        of customer: CustomerID, after: AgentName? = nil, limit: Int
    ) throws(ProjectionError) -> Page<AgentView> {
        let rows = try readers.rows(
            AgentView.ofCustomer, [rowNumber(of: customer), SQLiteValue(after?.text), .integer(Int64(limit) + 1)],
            AgentView.init)
        return Page(rows, limit: limit)
    }

    /// The canonical text of the credential about the agent called `name`, or nil.
    public func agentFacts(_ name: AgentName) throws(ProjectionError) -> String? {
        try readers.row(AgentView.facts, [.text(name.text)]) { row throws(ProjectionError) in row.text(0) }
    }

    /// How many agents there are.
    public func agentCounts() throws(ProjectionError) -> AgentCounts {
        let counts = try readers.row(AgentView.counts) { row throws(ProjectionError) in
            AgentCounts(total: row.integer(0), alive: row.integer(1), owners: row.integer(2))
        }
        guard let counts else { throw ProjectionError(.damaged, "the counts of agents are gone; rebuild the file") }
        return counts
    }

    /// What happened to the agent called `name`, oldest first, after the event `after`; empty when it is not `customer`'s.
    public func timeline(
        ofAgent name: AgentName, customer: CustomerID, after: UInt64? = nil, limit: Int
    ) throws(ProjectionError) -> [EventView] {
        try readers.rows(
            AgentView.timeline,
            [
                .text(name.text), rowNumber(of: customer), .integer(after.map { Int64(clamping: $0) } ?? -1),
                .integer(Int64(limit)),
            ], EventView.init)
    }
}
