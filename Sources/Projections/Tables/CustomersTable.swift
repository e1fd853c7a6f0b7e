public import Proofs
public import EventStore
public import Ledger

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
}

/// `customers`: one row for each that signed up.
struct CustomersTable {
    static let definition = TableDefinition(
        name: "customers", key: "sequence",
        sql: """
            CREATE TABLE customers (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, event_id TEXT NOT NULL,
                sealed_email TEXT NOT NULL, jurisdiction TEXT NOT NULL, tier TEXT NOT NULL, created_at INTEGER NOT NULL
            ) STRICT
            """)

    private let insert: SQLiteStatement
    private let find: SQLiteStatement
    private let changePlan: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)", on: connection)
        find = try SQLiteStatement("SELECT sequence, tier FROM customers WHERE id = ?", on: connection)
        changePlan = try SQLiteStatement("UPDATE customers SET tier = ? WHERE sequence = ?", on: connection)
    }

    func apply(_ event: CustomerPlanChanged, sequence: Int64) throws(ProjectionError) {
        try changePlan.run(.text(event.tier.rawValue), .integer(sequence))
    }

    func apply(_ event: CustomerCreated, _ envelope: Envelope) throws(ProjectionError) {
        try insert.run(
            .integer(Int64(envelope.sequence)), .text(envelope.event.stream), .text(envelope.event.id),
            .text(event.sealedEmail), .text(event.jurisdiction.rawValue), .text(event.tier.rawValue),
            .integer(envelope.event.at.microseconds))
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
    static let byID = Query(
        "SELECT id, event_id, sealed_email, jurisdiction, tier, created_at FROM customers WHERE id = ?")

    static let newestFirst = Query(
        """
        SELECT id, event_id, sealed_email, jurisdiction, tier, created_at FROM customers
        WHERE sequence < coalesce((SELECT sequence FROM customers WHERE id = ?), 9223372036854775807)
        ORDER BY sequence DESC LIMIT ?
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, CustomerID.init)
        eventID = row.text(1)
        sealedEmail = row.text(2)
        jurisdiction = try row.parsed(3, Jurisdiction.init(rawValue:))
        tier = try row.parsed(4, Tier.init(rawValue:))
        createdAt = Timestamp(microseconds: row.integer(5))
    }
}

extension ProjectionStore {
    /// Every customer, newest first; those older than `after`, at most `limit`. For the operator.
    public func customers(after: CustomerID? = nil, limit: Int) throws(ProjectionError) -> Page<CustomerView> {
        let rows = try readers.rows(
            CustomerView.newestFirst, [SQLiteValue(after?.text), .integer(Int64(limit) + 1)], CustomerView.init)
        return Page(rows, limit: limit)
    }

    /// The customer called `id`, or nil. One index look-up.
    public func customer(_ id: CustomerID) throws(ProjectionError) -> CustomerView? {
        try readers.row(CustomerView.byID, [.text(id.text)], CustomerView.init)
    }
}
