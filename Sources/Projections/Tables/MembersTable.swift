public import EventStore
public import Ledger
import SQLite

/// A member of an organisation. What is personal is sealed; only the vault opens it, with the event that it was sealed to.
public struct MemberView: Sendable, Equatable {
    public let id: MemberID
    public let customerID: CustomerID
    public let role: Role
    /// Base64, sealed to ``profileEventID``.
    public let sealedEmail: String
    public let sealedName: String?
    public let profileEventID: String
    /// Base64, sealed to ``passwordEventID``.
    public let sealedVerifier: String
    public let passwordEventID: String
    /// Position of the event that set the password.
    public let passwordSequence: UInt64
    public let createdAt: Timestamp
    /// nil when they never signed in.
    public let lastSignInAt: Timestamp?
}

/// `members`: one row for each who is or was one. Of a removed member the verifier is forgotten.
struct MembersTable {
    static let definition = TableDefinition(
        name: "members", key: "sequence",
        sql: """
            CREATE TABLE members (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer INTEGER NOT NULL, role TEXT NOT NULL,
                sealed_email TEXT NOT NULL, sealed_name TEXT, profile_event_id TEXT NOT NULL,
                sealed_verifier TEXT NOT NULL, password_event_id TEXT NOT NULL, password_sequence INTEGER NOT NULL,
                created_at INTEGER NOT NULL, last_sign_in_at INTEGER, removed_at INTEGER
            ) STRICT;
            CREATE INDEX members_by_customer ON members (customer, sequence)
            """)

    private let insert: SQLiteStatement
    private let changeRole: SQLiteStatement
    private let remove: SQLiteStatement
    private let changePassword: SQLiteStatement
    private let signIn: SQLiteStatement
    private let removeAll: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", on: connection)
        changeRole = try SQLiteStatement("UPDATE members SET role = ? WHERE id = ?", on: connection)
        remove = try SQLiteStatement(
            "UPDATE members SET removed_at = ?, sealed_verifier = '' WHERE id = ?", on: connection)
        changePassword = try SQLiteStatement(
            """
            UPDATE members SET sealed_verifier = ?, password_event_id = ?, password_sequence = ? WHERE id = ?
            """, on: connection)
        removeAll = try SQLiteStatement(
            """
            UPDATE members SET removed_at = coalesce(removed_at, ?), sealed_verifier = '', sealed_email = '',
                sealed_name = NULL WHERE customer = ?
            """, on: connection)
        signIn = try SQLiteStatement("UPDATE members SET last_sign_in_at = ? WHERE id = ?", on: connection)
    }

    func apply(_ event: MemberAdded, customer: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let sequence = Int64(envelope.sequence)
        try insert.run(
            .integer(sequence), .text(event.memberID.text), .integer(customer), .text(event.role.rawValue),
            .text(event.sealedEmail), SQLiteValue(event.sealedName), .text(envelope.id),
            .text(event.sealedVerifier), .text(envelope.id), .integer(sequence),
            .integer(envelope.at.microseconds))
    }

    func apply(_ event: MemberRoleChanged) throws(ProjectionError) {
        try changeRole.run(.text(event.role.rawValue), .text(event.memberID.text))
    }

    func apply(_ event: MemberRemoved, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try remove.run(.integer(envelope.at.microseconds), .text(event.memberID.text))
    }

    /// Removes everybody of a customer, with what is personal.
    func removeAll(of customer: Int64, at time: Timestamp) throws(ProjectionError) {
        try removeAll.run(.integer(time.microseconds), .integer(customer))
    }

    func apply(_ event: MemberPasswordChanged, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try changePassword.run(
            .text(event.sealedVerifier), .text(envelope.id), .integer(Int64(envelope.sequence)),
            .text(event.memberID.text))
    }

    func apply(_ event: SignInStarted, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try signIn.run(.integer(envelope.at.microseconds), .text(event.memberID.text))
    }
}

extension MemberView {
    static let columns = """
        m.id, c.id, m.role, m.sealed_email, m.sealed_name, m.profile_event_id, m.sealed_verifier, m.password_event_id,
        m.password_sequence, m.created_at, m.last_sign_in_at
        """
    static let byID = Query(
        """
        SELECT \(columns) FROM members m JOIN customers c ON c.sequence = m.customer
        WHERE m.id = ? AND m.removed_at IS NULL
        """)
    static let ofCustomer = Query(
        """
        SELECT \(columns) FROM customers c JOIN members m ON m.customer = c.sequence
        WHERE c.sequence = ?1 AND m.removed_at IS NULL
            AND m.sequence < coalesce((SELECT sequence FROM members WHERE id = ?2), 9223372036854775807)
        ORDER BY m.sequence DESC LIMIT ?3
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, MemberID.init)
        customerID = try row.parsed(1, CustomerID.init)
        role = try row.parsed(2, Role.init(rawValue:))
        sealedEmail = row.text(3)
        sealedName = row.optionalText(4)
        profileEventID = row.text(5)
        sealedVerifier = row.text(6)
        passwordEventID = row.text(7)
        passwordSequence = UInt64(row.integer(8))
        createdAt = Timestamp(microseconds: row.integer(9))
        lastSignInAt = row.optionalInteger(10).map(Timestamp.init(microseconds:))
    }
}

extension ProjectionStore {
    /// The member called `id` unless they were removed, whosever they are.
    public func member(_ id: MemberID) throws(ProjectionError) -> MemberView? {
        try readers.row(MemberView.byID, [.text(id.text)], MemberView.init)
    }

    /// The members of `customer`, newest first; those older than `after`, at most `limit`.
    public func members(
        of customer: CustomerID, after: MemberID? = nil, limit: Int
    ) throws(ProjectionError) -> Page<MemberView> {
        let rows = try readers.rows(
            MemberView.ofCustomer,
            [rowNumber(of: customer), SQLiteValue(after?.text), .integer(Int64(limit) + 1)], MemberView.init)
        return Page(rows, limit: limit)
    }
}
