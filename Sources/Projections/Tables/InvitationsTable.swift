public import EventStore
public import Ledger
import SQLite

/// An invitation to an organisation.
public struct InvitationView: Sendable, Equatable {
    /// What became of it; that it has expired is for the reader's clock to say.
    public enum Status: String, Sendable, CaseIterable {
        case pending, accepted, revoked
    }

    public let id: InvitationID
    public let customerID: CustomerID
    public let role: Role
    public let status: Status
    /// Base64, sealed to ``eventID``.
    public let sealedEmail: String
    public let eventID: String
    /// The key or member that invited, or `operator`.
    public let invitedBy: String
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
}

/// `invitations`: one row for each.
struct InvitationsTable {
    static let definition = TableDefinition(
        name: "invitations", key: "sequence",
        sql: """
            CREATE TABLE invitations (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer INTEGER NOT NULL, role TEXT NOT NULL,
                status TEXT NOT NULL, sealed_email TEXT NOT NULL, event_id TEXT NOT NULL, invited_by TEXT NOT NULL,
                created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX invitations_by_customer ON invitations (customer, sequence)
            """)

    private let insert: SQLiteStatement
    private let change: SQLiteStatement
    private let revokeAll: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            "INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", on: connection)
        revokeAll = try SQLiteStatement(
            """
            UPDATE invitations SET status = iif(status = 'pending', 'revoked', status), sealed_email = ''
            WHERE customer = ?
            """, on: connection)
        change = try SQLiteStatement("UPDATE invitations SET status = ? WHERE id = ?", on: connection)
    }

    /// Revokes what is pending of a customer, and forgets who was invited.
    func revokeAll(of customer: Int64) throws(ProjectionError) { try revokeAll.run(.integer(customer)) }

    func apply(_ event: InvitationCreated, customer: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try insert.run(
            .integer(Int64(envelope.sequence)), .text(event.invitationID.text), .integer(customer),
            .text(event.role.rawValue), .text(InvitationView.Status.pending.rawValue), .text(event.sealedEmail),
            .text(envelope.id), .text(envelope.actor), .integer(envelope.at.microseconds),
            .integer(event.expiresAt.microseconds))
    }

    func mark(_ id: InvitationID, as status: InvitationView.Status) throws(ProjectionError) {
        try change.run(.text(status.rawValue), .text(id.text))
    }
}

extension InvitationView {
    static let columns = """
        i.id, c.id, i.role, i.status, i.sealed_email, i.event_id, i.invited_by, i.created_at, i.expires_at
        """
    static let byID = Query(
        "SELECT \(columns) FROM invitations i JOIN customers c ON c.sequence = i.customer WHERE i.id = ?")
    static let ofCustomer = Query(
        """
        SELECT \(columns) FROM customers c JOIN invitations i ON i.customer = c.sequence
        WHERE c.sequence = ?1 AND i.sequence < coalesce((SELECT sequence FROM invitations WHERE id = ?2), 9223372036854775807)
        ORDER BY i.sequence DESC LIMIT ?3
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, InvitationID.init)
        customerID = try row.parsed(1, CustomerID.init)
        role = try row.parsed(2, Role.init(rawValue:))
        status = try row.parsed(3, Status.init(rawValue:))
        sealedEmail = row.text(4)
        eventID = row.text(5)
        invitedBy = row.text(6)
        createdAt = Timestamp(microseconds: row.integer(7))
        expiresAt = Timestamp(microseconds: row.integer(8))
    }
}

extension ProjectionStore {
    /// The invitation called `id`, whosever it is.
    public func invitation(_ id: InvitationID) throws(ProjectionError) -> InvitationView? {
        try readers.row(InvitationView.byID, [.text(id.text)], InvitationView.init)
    }

    /// The invitations of `customer`, newest first; those older than `after`, at most `limit`.
    public func invitations(
        of customer: CustomerID, after: InvitationID? = nil, limit: Int
    ) throws(ProjectionError) -> Page<InvitationView> {
        let rows = try readers.rows(
            InvitationView.ofCustomer,
            [rowNumber(of: customer), SQLiteValue(after?.text), .integer(Int64(limit) + 1)], InvitationView.init)
        return Page(rows, limit: limit)
    }
}
