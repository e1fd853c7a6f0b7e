public import EventStore
public import Ledger
import SQLite

/// What this node measured of an agent in the last ``AgentMeasurements/windowDays`` days in which it recorded anything.
public struct AgentMeasurements: Sendable, Equatable {
    /// Days that count, the last one included.
    public static let windowDays = 30

    /// The last of what was recorded.
    public struct Last: Sendable, Equatable {
        public let at: Timestamp
        public let isReachable: Bool
        /// The HTTP status; nil without an answer.
        public let status: Int64?
    }

    public let name: AgentName
    /// 0 when nothing was measured.
    public let probes: Int64
    /// Probes that got an HTTP answer with a status below 500, and those with 2xx.
    public let answered: Int64
    public let succeeded: Int64
    /// Added up over those that were answered.
    public let latencyMicroseconds: Int64
    /// Nil when nothing was measured.
    public let last: Last?
}

/// `agent_probes`: what was measured of each agent, by the day on which it was recorded; days that no longer count are removed.
struct AgentProbesTable {
    static let definition = TableDefinition(
        name: "agent_probes", key: "agent, day",
        sql: """
            CREATE TABLE agent_probes (
                agent INTEGER NOT NULL, day TEXT NOT NULL, probes INTEGER NOT NULL, answered INTEGER NOT NULL,
                succeeded INTEGER NOT NULL, latency_us INTEGER NOT NULL, last_at INTEGER NOT NULL,
                last_reachable INTEGER NOT NULL, last_status INTEGER, PRIMARY KEY (agent, day)
            ) STRICT, WITHOUT ROWID
            """)

    private let add: SQLiteStatement
    private let forget: SQLiteStatement
    private let remove: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        add = try SQLiteStatement(
            """
            INSERT INTO agent_probes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET probes = probes + excluded.probes, answered = answered + excluded.answered,
                succeeded = succeeded + excluded.succeeded, latency_us = latency_us + excluded.latency_us,
                last_at = excluded.last_at, last_reachable = excluded.last_reachable, last_status = excluded.last_status
            """, on: connection)
        forget = try SQLiteStatement("DELETE FROM agent_probes WHERE agent = ? AND day <= ?", on: connection)
        remove = try SQLiteStatement("DELETE FROM agent_probes WHERE agent = ?", on: connection)
    }

    func add(_ event: AgentProbed, to agent: Int64, at time: Timestamp) throws(ProjectionError) {
        try add.run(
            .integer(agent), .text(time.dayText), .integer(event.probes), .integer(event.answered),
            .integer(event.succeeded), .integer(event.latencyMicroseconds), .integer(time.microseconds),
            .integer(event.isReachable ? 1 : 0), SQLiteValue(event.status))
        let before = time.adding(seconds: -86_400 * Int64(AgentMeasurements.windowDays))
        try forget.run(.integer(agent), .text(before.dayText))
    }

    func remove(agent: Int64) throws(ProjectionError) { try remove.run(.integer(agent)) }
}

extension AgentMeasurements {
    // A bare column beside one max() is of the row that has it (SQLite, "Bare columns in an aggregate query").
    private static let columns = """
        a.name, coalesce(sum(p.probes), 0), coalesce(sum(p.answered), 0), coalesce(sum(p.succeeded), 0),
        coalesce(sum(p.latency_us), 0), max(p.last_at), p.last_reachable, p.last_status
        """
    static let ofAgent = Query(
        """
        SELECT \(columns) FROM agents a LEFT JOIN agent_probes p ON p.agent = a.sequence WHERE a.name = ?
        GROUP BY a.name
        """)
    static let inOrder = Query(
        """
        SELECT \(columns) FROM agents a LEFT JOIN agent_probes p ON p.agent = a.sequence WHERE a.name > ?
        GROUP BY a.name ORDER BY a.name LIMIT ?
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        name = try row.parsed(0, AgentName.init)
        probes = row.integer(1)
        answered = row.integer(2)
        succeeded = row.integer(3)
        latencyMicroseconds = row.integer(4)
        last = row.optionalInteger(5).map {
            Last(
                at: Timestamp(microseconds: $0), isReachable: row.integer(6) != 0, status: row.optionalInteger(7))
        }
    }
}

extension ProjectionStore {
    /// What was measured of the agent called `name`; nil when there is none.
    public func measurements(of name: AgentName) throws(ProjectionError) -> AgentMeasurements? {
        try readers.row(AgentMeasurements.ofAgent, [.text(name.text)], AgentMeasurements.init)
    }

    /// What was measured of each agent, in the order of their names, those behind `after` when one is given.
    public func measurements(after: AgentName? = nil, limit: Int) throws(ProjectionError) -> Page<AgentMeasurements> {
        let rows = try readers.rows(
            AgentMeasurements.inOrder, [.text(after?.text ?? ""), .integer(Int64(limit) + 1)], AgentMeasurements.init)
        return Page(rows, limit: limit)
    }
}
