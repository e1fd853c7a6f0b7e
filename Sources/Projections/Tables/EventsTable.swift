public import Proofs
import CanonicalJSON
public import EventStore
public import Ledger
import SQLite

/// An event as its customer sees it: without its id, which would unblind its commitment, and without what is sealed.
public struct EventView: Sendable, Equatable {
    /// Position in the log; what a feed resumes after.
    public let sequence: UInt64
    public let type: String
    public let at: Timestamp
    public let actor: String
    /// The session or customer it happened to.
    public let stream: String
    /// Canonical JSON of the members that are shown.
    public let data: String
}

/// `events`: timelines and feeds, so that reads never touch the log. Usage ticks are not shown.
struct EventsTable {
    static let definition = TableDefinition(
        name: "events", key: "sequence",
        sql: """
            CREATE TABLE events (
                sequence INTEGER PRIMARY KEY, customer INTEGER NOT NULL, session INTEGER, environment TEXT,
                type TEXT NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, stream TEXT NOT NULL, data TEXT NOT NULL
            ) STRICT
            """,
        indexes: [
            "CREATE INDEX events_by_customer ON events (customer, sequence)",
            "CREATE INDEX events_by_session ON events (session, sequence) WHERE session IS NOT NULL",
        ])

    private let insert: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", on: connection)
    }

    /// Adds a line to the feed of `customer` and, for an event of a session or an agent, to its timeline: `session` is the row
    /// number of either, which are positions of events and so never the same. An event without an
    /// environment is shown to live and test keys alike.
    func add(
        _ envelope: OpenedEnvelope, customer: Int64, session: Int64? = nil, environment: KeyEnvironment? = nil
    ) throws(ProjectionError) {
        try insert.run { row in
            row.add(Int64(envelope.sequence))
            row.add(customer)
            row.add(session)
            row.add(environment?.rawValue)
            envelope.withTexts { texts in
                row.add(utf8: texts.type)
                row.add(envelope.at.microseconds)
                row.add(utf8: texts.actor)
                row.add(utf8: texts.stream)
                row.add(utf8: texts.shown)
            }
        }
    }
}

extension EventView {
    static let columns = "e.sequence, e.type, e.at, e.actor, e.stream, e.data"
    static let timeline = Query(
        """
        SELECT \(columns) FROM sessions s JOIN events e ON e.session = s.sequence
        WHERE s.id = ? AND s.customer = ? AND s.environment = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?
        """)
    static let feed = Query(
        """
        SELECT \(columns) FROM events e
        WHERE e.customer = ?1 AND e.sequence > ?3 AND (e.environment = ?2 OR e.environment IS NULL)
        ORDER BY e.sequence LIMIT ?4
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        sequence = UInt64(row.integer(0))
        type = row.text(1)
        at = Timestamp(microseconds: row.integer(2))
        actor = row.text(3)
        stream = row.text(4)
        data = row.text(5)
    }
}

extension ProjectionStore {
    /// What happened in `session`, oldest first, after the event `after`; empty when it is not `customer`'s.
    public func timeline(
        of session: SessionID, customer: CustomerID, in environment: KeyEnvironment, after: UInt64? = nil, limit: Int
    ) throws(ProjectionError) -> [EventView] {
        try readers.rows(
            EventView.timeline,
            [
                .text(session.text), rowNumber(of: customer), .text(environment.rawValue), Self.bound(after),
                .integer(Int64(limit)),
            ], EventView.init)
    }

    /// What happened to `customer`, oldest first, after the event `after`.
    public func feed(
        of customer: CustomerID, in environment: KeyEnvironment, after: UInt64? = nil, limit: Int
    ) throws(ProjectionError) -> [EventView] {
        try readers.rows(
            EventView.feed,
            [rowNumber(of: customer), .text(environment.rawValue), Self.bound(after), .integer(Int64(limit))],
            EventView.init)
    }

    private static func bound(_ after: UInt64?) -> SQLiteValue {
        .integer(after.map { Int64(clamping: $0) } ?? -1)
    }
}
