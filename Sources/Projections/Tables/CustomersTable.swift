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
///
/// There is no index by the customer's id: ``CustomerDirectory`` finds it in memory.
struct CustomersTable {
    static let definition = TableDefinition(
        name: "customers", key: "sequence",
        sql: """
            CREATE TABLE customers (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, event_id TEXT NOT NULL,
                sealed_email TEXT NOT NULL, jurisdiction TEXT NOT NULL, tier TEXT NOT NULL, created_at INTEGER NOT NULL,
                sealed_organisation TEXT, organisation_event_id TEXT, erased_at INTEGER
            ) STRICT
            """)

    private let insert: SQLiteStatement
    private let tier: SQLiteStatement
    private let changePlan: SQLiteStatement
    private let changeJurisdiction: SQLiteStatement
    private let changeOrganisation: SQLiteStatement
    private let erase: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)", on: connection)
        tier = try SQLiteStatement("SELECT tier FROM customers WHERE sequence = ?", on: connection)
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
        try insert.run { row in
            row.add(Int64(envelope.sequence))
            envelope.withTexts { texts in
                row.add(utf8: texts.stream)
                row.add(utf8: texts.id)
            }
            row.add(event.sealedEmail)
            row.add(event.jurisdiction.rawValue)
            row.add(event.tier.rawValue)
            row.add(envelope.at.microseconds)
        }
    }

    /// The tier of the customer with this row number, or nil.
    func tier(of sequence: Int64) throws(ProjectionError) -> Tier? {
        var found: Tier?
        try tier.forEachRow([.integer(sequence)]) { row throws(ProjectionError) in
            found = try row.parsed(0, Tier.init(rawValue:))
        }
        return found
    }

    /// Every customer, for the directory.
    static func places(on connection: OpaquePointer) throws(ProjectionError) -> [CustomerDirectory.Place] {
        var places: [CustomerDirectory.Place] = []
        try SQLiteStatement("SELECT id, sequence FROM customers", on: connection).forEachRow([]) {
            row throws(ProjectionError) in
            places.append(.init(id: try row.parsed(0, CustomerID.init), sequence: row.integer(1)))
        }
        return places
    }
}

extension CustomerView {
    private static let columns = """
        id, event_id, sealed_email, jurisdiction, tier, created_at, sealed_organisation, organisation_event_id
        """
    static let byID = Query("SELECT \(columns) FROM customers WHERE sequence = ? AND erased_at IS NULL")

    static let newestFirst = Query(
        """
        SELECT \(columns) FROM customers
        WHERE erased_at IS NULL AND sequence < coalesce(?, 9223372036854775807)
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
            CustomerView.newestFirst, [rowNumber(of: after), .integer(Int64(limit) + 1)], CustomerView.init)
        return Page(rows, limit: limit)
    }

    /// The customer called `id`, or nil, also when it was erased. One look-up in memory, and one by the row's number.
    public func customer(_ id: CustomerID) throws(ProjectionError) -> CustomerView? {
        try readers.row(CustomerView.byID, [rowNumber(of: id)], CustomerView.init)
    }

    /// Where the customer stands; null for none, and for one that there never was, which no row has.
    func rowNumber(of customer: CustomerID?) -> SQLiteValue { SQLiteValue(customer.flatMap { customers.find($0) }) }
}
