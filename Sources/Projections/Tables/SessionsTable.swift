public import Proofs
import CanonicalJSON
public import EventStore
public import Ledger
import SQLite

/// A session as the projections know it, alive or ended.
public struct SessionView: Sendable, Equatable {
    public let id: SessionID
    public let customerID: CustomerID
    public let environment: KeyEnvironment
    public let status: SessionStatus
    public let dataClassification: DataClassification
    public let jurisdiction: Jurisdiction
    public let region: String
    /// Seconds it may live; nil for no limit.
    public let timeToLiveSeconds: Int64?
    public let createdAt: Timestamp
    public let endedAt: Timestamp?
    /// What ended it: a trigger, or the reason of an unclean end.
    public let endedBy: String?
    /// Commands begun.
    public let execCount: Int64
}

/// `sessions`: one row for each. Rows of live sessions are held in memory and written at the end of each batch, so that a
/// session whose whole life is in one batch costs one write. Those that ended in the last batch are still held in this one:
/// what comes after a session's end (its proof, the end of a terminal) comes soon.
struct SessionsTable {
    static let definition = TableDefinition(
        name: "sessions", key: "sequence",
        sql: """
            CREATE TABLE sessions (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, customer INTEGER NOT NULL, api_key INTEGER,
                environment TEXT NOT NULL, status TEXT NOT NULL, data_classification TEXT NOT NULL,
                jurisdiction TEXT NOT NULL, region TEXT NOT NULL, layers_missing TEXT NOT NULL,
                ttl_seconds INTEGER, created_at INTEGER NOT NULL, ended_at INTEGER, ended_by TEXT,
                exec_count INTEGER NOT NULL
            ) STRICT
            """,
        indexes: [
            indexByID, "CREATE INDEX sessions_by_customer ON sessions (customer, environment, sequence)",
            "CREATE INDEX sessions_alive ON sessions (status) WHERE status IN ('active', 'executing')",
        ])

    private static let indexByID = "CREATE UNIQUE INDEX IF NOT EXISTS sessions_by_id ON sessions (id)"

    /// A live session's row.
    struct Row {
        let sequence: Int64
        let id: SessionID
        let customer: Int64
        /// The key that made it; nil when a member did.
        let key: Int64?
        let environment: KeyEnvironment
        var status: SessionStatus
        let dataClassification: DataClassification
        let jurisdiction: Jurisdiction
        let region: String
        let layersMissing: String
        let timeToLiveSeconds: Int64?
        let createdAt: Timestamp
        var endedAt: Timestamp?
        var endedBy: String?
        var execCount: Int64
        var isChanged: Bool
    }

    /// Sessions that are alive, or have ended in this batch or the one before.
    private var rows: [SessionID: Row] = [:]
    private var changed: [SessionID] = []
    private var ended: [SessionID] = []
    /// Makes the index that ``find`` needs, where a whole file is being built and it is not there.
    private let makeIndex: SQLiteStatement
    private let write: SQLiteStatement
    private let find: SQLiteStatement

    /// Reads the rows of all live sessions.
    init(on connection: OpaquePointer) throws(ProjectionError) {
        write = try SQLiteStatement(
            """
            INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (sequence) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at,
                ended_by = excluded.ended_by, exec_count = excluded.exec_count
            """, on: connection)
        makeIndex = try SQLiteStatement(Self.indexByID, on: connection)
        find = try SQLiteStatement("SELECT * FROM sessions WHERE id = ?", on: connection)
        let alive = try SQLiteStatement(
            "SELECT * FROM sessions WHERE status IN ('active', 'executing')", on: connection)
        var loaded: [SessionID: Row] = [:]
        try alive.forEachRow([]) { row throws(ProjectionError) in
            let session = try Row(row)
            loaded[session.id] = session
        }
        rows = loaded
    }

    mutating func insert(_ row: Row) {
        rows[row.id] = row
        changed.append(row.id)
    }

    /// The row of the session `id`, alive or not, or nil.
    func row(_ id: SessionID) throws(ProjectionError) -> Row? {
        if let row = rows[id] { return row }
        try makeIndex.run()
        var found: Row?
        try find.forEachRow([.text(id.text)]) { row throws(ProjectionError) in found = try Row(row) }
        return found
    }

    /// Changes the row of the live session `id`.
    ///
    /// - Returns: the row as it is then; nil when there is none.
    mutating func change(_ id: SessionID, _ body: (inout Row) -> Void) -> Row? {
        guard let index = rows.index(forKey: id), rows.values[index].status.isLive else { return nil }
        body(&rows.values[index])
        if !rows.values[index].isChanged {
            rows.values[index].isChanged = true
            changed.append(id)
        }
        return rows.values[index]
    }

    /// Writes what has changed, in the order in which it changed, and forgets what had ended before the last time.
    mutating func flush() throws(ProjectionError) {
        for id in ended { rows[id] = nil }
        ended.removeAll(keepingCapacity: true)
        for id in changed {
            guard let index = rows.index(forKey: id) else { continue }
            let row = rows.values[index]
            try store(row)
            rows.values[index].isChanged = false
            if !row.status.isLive { ended.append(id) }
        }
        changed.removeAll(keepingCapacity: true)
    }
}

extension SessionsTable {
    private func store(_ row: Row) throws(ProjectionError) {
        try write.run { values in
            values.add(row.sequence)
            values.add(row.id.text)
            values.add(row.customer)
            values.add(row.key)
            values.add(row.environment.rawValue)
            values.add(row.status.rawValue)
            values.add(row.dataClassification.rawValue)
            values.add(row.jurisdiction.rawValue)
            values.add(row.region)
            values.add(row.layersMissing)
            values.add(row.timeToLiveSeconds)
            values.add(row.createdAt.microseconds)
            values.add(row.endedAt?.microseconds)
            values.add(row.endedBy)
            values.add(row.execCount)
        }
    }
}

extension SessionsTable.Row {
    /// The row of a session that begins with `envelope`.
    init(_ event: SessionCreated, id: SessionID, customer: Int64, key: Int64?, _ envelope: OpenedEnvelope) {
        sequence = Int64(envelope.sequence)
        self.id = id
        self.customer = customer
        self.key = key
        environment = event.environment
        status = .active
        dataClassification = event.dataClassification
        jurisdiction = event.jurisdiction
        region = event.region
        layersMissing = JSONValue.array(event.layersMissing.map { .string($0) }).canonicalText
        timeToLiveSeconds = event.timeToLiveSeconds
        createdAt = envelope.at
        execCount = 0
        isChanged = true
    }

    fileprivate init(_ row: SQLiteRow) throws(ProjectionError) {
        sequence = row.integer(0)
        id = try row.parsed(1, SessionID.init)
        customer = row.integer(2)
        key = row.optionalInteger(3)
        environment = try row.parsed(4, KeyEnvironment.init(rawValue:))
        status = try row.parsed(5, SessionStatus.init(rawValue:))
        dataClassification = try row.parsed(6, DataClassification.init(rawValue:))
        jurisdiction = try row.parsed(7, Jurisdiction.init(rawValue:))
        region = row.text(8)
        layersMissing = row.text(9)
        timeToLiveSeconds = row.optionalInteger(10)
        createdAt = Timestamp(microseconds: row.integer(11))
        endedAt = row.optionalInteger(12).map(Timestamp.init(microseconds:))
        endedBy = row.optionalText(13)
        execCount = row.integer(14)
        isChanged = false
    }
}

extension SessionView {
    static let columns = """
        s.id, c.id, s.environment, s.status, s.data_classification, s.jurisdiction, s.region, s.ttl_seconds,
        s.created_at, s.ended_at, s.ended_by, s.exec_count
        """
    static let byID = Query(
        """
        SELECT \(columns) FROM sessions s JOIN customers c ON c.sequence = s.customer
        WHERE s.id = ? AND s.customer = ? AND s.environment = ?
        """)
    static let newestFirst = Query(
        """
        SELECT \(columns) FROM customers c JOIN sessions s ON s.customer = c.sequence
        WHERE c.sequence = ? AND s.environment = ?
            AND s.sequence < coalesce((SELECT sequence FROM sessions WHERE id = ?), 9223372036854775807)
        ORDER BY s.sequence DESC LIMIT ?
        """)
    static let live = Query(
        """
        SELECT \(columns) FROM sessions s JOIN customers c ON c.sequence = s.customer
        WHERE s.status IN ('active', 'executing') ORDER BY s.sequence
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, SessionID.init)
        customerID = try row.parsed(1, CustomerID.init)
        environment = try row.parsed(2, KeyEnvironment.init(rawValue:))
        status = try row.parsed(3, SessionStatus.init(rawValue:))
        dataClassification = try row.parsed(4, DataClassification.init(rawValue:))
        jurisdiction = try row.parsed(5, Jurisdiction.init(rawValue:))
        region = row.text(6)
        timeToLiveSeconds = row.optionalInteger(7)
        createdAt = Timestamp(microseconds: row.integer(8))
        endedAt = row.optionalInteger(9).map(Timestamp.init(microseconds:))
        endedBy = row.optionalText(10)
        execCount = row.integer(11)
    }
}

extension ProjectionStore {
    /// The session called `id` if it is `customer`'s and of `environment`, or nil.
    public func session(
        _ id: SessionID, of customer: CustomerID, in environment: KeyEnvironment
    ) throws(ProjectionError) -> SessionView? {
        try readers.row(
            SessionView.byID, [.text(id.text), rowNumber(of: customer), .text(environment.rawValue)], SessionView.init)
    }

    /// The sessions of `customer` in `environment`, newest first; those older than `startingAfter`, at most `limit`.
    public func sessions(
        of customer: CustomerID, in environment: KeyEnvironment, startingAfter: SessionID? = nil, limit: Int
    ) throws(ProjectionError) -> [SessionView] {
        try readers.rows(
            SessionView.newestFirst,
            [
                rowNumber(of: customer), .text(environment.rawValue), SQLiteValue(startingAfter?.text),
                .integer(Int64(limit)),
            ], SessionView.init)
    }

    /// Every live session of every customer, oldest first: what a server that has just started must end or adopt.
    public func liveSessions() throws(ProjectionError) -> [SessionView] {
        try readers.rows(SessionView.live, [], SessionView.init)
    }
}
