public import Proofs
public import EventStore
public import Ledger
import SQLite

/// A customer as the projections know it.
public struct CustomerView: Sendable, Equatable {
    public let id: CustomerID
    /// The event that holds the sealed e-mail; needed to open it, never shown.
    public let eventID: String
    /// Base64; only the vault can open it.
    public let sealedEmail: String
    public let jurisdiction: Jurisdiction
    public let tier: Tier
    public let createdAt: Timestamp
    /// Base64, sealed to ``organisationEventID``; nil when none was given.
    public let sealedOrganisation: String?
    public let organisationEventID: String?
}

/// `customers`: one row for each that signed up. Of one that was erased the row stays, with nothing personal in it, because
/// sessions and proofs belong to it.
struct CustomersTable {
    static let definition = TableDefinition(
        name: "customers", key: "sequence",
        sql: """
            CREATE TABLE customers (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, event_id TEXT NOT NULL,
                sealed_email TEXT NOT NULL, jurisdiction TEXT NOT NULL, tier TEXT NOT NULL, created_at INTEGER NOT NULL,
                sealed_organisation TEXT, organisation_event_id TEXT, erased_at INTEGER
            ) STRICT
            """)

    private let insert: SQLiteStatement
    private let find: SQLiteStatement
    private let changePlan: SQLiteStatement
    private let changeJurisdiction: SQLiteStatement
    private let changeOrganisation: SQLiteStatement
    private let erase: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)", on: connection)
        find = try SQLiteStatement("SELECT sequence, tier FROM customers WHERE id = ?", on: connection)
        changePlan = try SQLiteStatement("UPDATE customers SET tier = ? WHERE sequence = ?", on: connection)
        changeJurisdiction = try SQLiteStatement(
            "UPDATE customers SET jurisdiction = ? WHERE sequence = ?", on: connection)
        changeOrganisation = try SQLiteStatement(
            "UPDATE customers SET sealed_organisation = ?, organisation_event_id = ? WHERE sequence = ?", on: connection
        )
        erase = try SQLiteStatement(
            """
            UPDATE customers SET sealed_email = '', sealed_organisation = NULL, organisation_event_id = NULL,
                erased_at = ? WHERE sequence = ?
            """, on: connection)
    }

    func apply(_ event: CustomerChanged, sequence: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        if let jurisdiction = event.jurisdiction {
            try changeJurisdiction.run(.text(jurisdiction.rawValue), .integer(sequence))
        }
        if let organisation = event.organisation {
            try changeOrganisation.run(
                SQLiteValue(organisation.text), SQLiteValue(organisation.text.map { _ in envelope.id }),
                .integer(sequence))
        }
    }

    func erase(sequence: Int64, at time: Timestamp) throws(ProjectionError) {
        try erase.run(.integer(time.microseconds), .integer(sequence))
    }

    func apply(_ event: CustomerPlanChanged, sequence: Int64) throws(ProjectionError) {
        try changePlan.run(.text(event.tier.rawValue), .integer(sequence))
    }

    func apply(_ event: CustomerCreated, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try insert.run(
            .integer(Int64(envelope.sequence)), .text(envelope.stream), .text(envelope.id),
            .text(event.sealedEmail), .text(event.jurisdiction.rawValue), .text(event.tier.rawValue),
            .integer(envelope.at.microseconds))
    }

    /// Row number and tier of the customer `id`, or nil.
    func find(_ id: CustomerID) throws(ProjectionError) -> (sequence: Int64, tier: Tier)? {
        var found: (sequence: Int64, tier: Tier)?
        try find.forEachRow([.text(id.text)]) { row throws(ProjectionError) in
            found = (row.integer(0), try row.parsed(1, Tier.init(rawValue:)))
        }
        return found
    }
}

extension CustomerView {
    private static let columns = """
        id, event_id, sealed_email, jurisdiction, tier, created_at, sealed_organisation, organisation_event_id
        """
    static let byID = Query("SELECT \(columns) FROM customers WHERE id = ? AND erased_at IS NULL")

    static let newestFirst = Query(
        """
        SELECT \(columns) FROM customers
        WHERE erased_at IS NULL AND sequence < coalesce((SELECT sequence FROM customers WHERE id = ?), 9223372036854775807)
        ORDER BY sequence DESC LIMIT ?
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, CustomerID.init)
        eventID = row.text(1)
        sealedEmail = row.text(2)
        jurisdiction = try row.parsed(3, Jurisdiction.init(rawValue:))
        tier = try row.parsed(4, Tier.init(rawValue:))
        createdAt = Timestamp(microseconds: row.integer(5))
        sealedOrganisation = row.optionalText(6)
        organisationEventID = row.optionalText(7)
    }
}

extension ProjectionStore {
    /// Every customer that was not erased, newest first; those older than `after`, at most `limit`. For the operator.
    public func customers(after: CustomerID? = nil, limit: Int) throws(ProjectionError) -> Page<CustomerView> {
        let rows = try readers.rows(
            CustomerView.newestFirst, [SQLiteValue(after?.text), .integer(Int64(limit) + 1)], CustomerView.init)
        return Page(rows, limit: limit)
    }

    /// The customer called `id`, or nil, also when it was erased. One index look-up.
    public func customer(_ id: CustomerID) throws(ProjectionError) -> CustomerView? {
        try readers.row(CustomerView.byID, [.text(id.text)], CustomerView.init)
    }
}
