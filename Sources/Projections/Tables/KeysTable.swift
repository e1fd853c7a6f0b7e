public import Proofs
public import EventStore
public import Ledger
import Merkle

/// An API key as lists show it: never the key, never its hash.
public struct KeyView: Sendable, Equatable {
    public let id: KeyID
    public let name: String
    public let prefix: KeyPrefix
    /// The beginning of the key.
    public let display: String
    public let permissions: Permissions
    public let createdAt: Timestamp
    public let expiresAt: Timestamp?
    public let revokedAt: Timestamp?
    /// When its last block of requests was reserved; nil when it was never used.
    public let lastUsedAt: Timestamp?

    /// Live or test.
    public var environment: KeyEnvironment { prefix.environment }
}

/// `api_keys`: one row for each key ever issued.
struct KeysTable {
    static let definition = TableDefinition(
        name: "api_keys", key: "sequence",
        sql: """
            CREATE TABLE api_keys (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer INTEGER NOT NULL, name TEXT NOT NULL,
                prefix TEXT NOT NULL, display TEXT NOT NULL, secret_sha256 BLOB NOT NULL, permissions INTEGER NOT NULL,
                created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER, last_used_at INTEGER
            ) STRICT;
            CREATE INDEX api_keys_by_customer ON api_keys (customer, sequence)
            """)

    private let insert: SQLiteStatement
    private let revoke: SQLiteStatement
    private let use: SQLiteStatement
    private let ofCustomer: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", on: connection)
        revoke = try SQLiteStatement("UPDATE api_keys SET revoked_at = ? WHERE sequence = ?", on: connection)
        use = try SQLiteStatement("UPDATE api_keys SET last_used_at = ? WHERE sequence = ?", on: connection)
        ofCustomer = try SQLiteStatement("SELECT id FROM api_keys WHERE customer = ?", on: connection)
    }

    /// The keys of the customer with this row number, revoked ones included.
    func ids(of customer: Int64) throws(ProjectionError) -> [KeyID] {
        var ids: [KeyID] = []
        try ofCustomer.forEachRow([.integer(customer)]) { row throws(ProjectionError) in
            ids.append(try row.parsed(0, KeyID.init))
        }
        return ids
    }

    func apply(_ event: KeyIssued, customer: Int64, _ envelope: Envelope) throws(ProjectionError) {
        try insert.run(
            .integer(Int64(envelope.sequence)), .text(event.keyID.text), .integer(customer), .text(event.name),
            .text(event.prefix.rawValue), .text(event.display), .blob(event.secretSHA256.bytes),
            .integer(Int64(event.permissions.rawValue)), .integer(envelope.event.at.microseconds),
            SQLiteValue(event.expiresAt?.microseconds))
    }

    func markRevoked(_ sequence: Int64, at time: Timestamp) throws(ProjectionError) {
        try revoke.run(.integer(time.microseconds), .integer(sequence))
    }

    func markUsed(_ sequence: Int64, at time: Timestamp) throws(ProjectionError) {
        try use.run(.integer(time.microseconds), .integer(sequence))
    }
}

extension KeyView {
    static let columns = """
        k.id, k.name, k.prefix, k.display, k.permissions, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
        """
    static let byID = Query(
        """
        SELECT \(columns) FROM api_keys k JOIN customers c ON c.sequence = k.customer WHERE k.id = ? AND c.id = ?
        """)
    static let ofCustomer = Query(
        """
        SELECT \(columns) FROM customers c JOIN api_keys k ON k.customer = c.sequence WHERE c.id = ?
        ORDER BY k.sequence DESC LIMIT ?
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = try row.parsed(0, KeyID.init)
        name = row.text(1)
        prefix = try row.parsed(2, KeyPrefix.init(rawValue:))
        display = row.text(3)
        permissions = Permissions(rawValue: UInt32(truncatingIfNeeded: row.integer(4)))
        createdAt = Timestamp(microseconds: row.integer(5))
        expiresAt = row.optionalInteger(6).map(Timestamp.init(microseconds:))
        revokedAt = row.optionalInteger(7).map(Timestamp.init(microseconds:))
        lastUsedAt = row.optionalInteger(8).map(Timestamp.init(microseconds:))
    }
}

extension ProjectionStore {
    /// The key called `id` if it is `customer`'s, or nil.
    public func key(_ id: KeyID, of customer: CustomerID) throws(ProjectionError) -> KeyView? {
        try readers.row(KeyView.byID, [.text(id.text), .text(customer.text)], KeyView.init)
    }

    /// The keys of `customer`, revoked ones included, newest first; at most `limit`.
    public func keys(of customer: CustomerID, limit: Int = 1_000) throws(ProjectionError) -> [KeyView] {
        try readers.rows(KeyView.ofCustomer, [.text(customer.text), .integer(Int64(limit))], KeyView.init)
    }
}
