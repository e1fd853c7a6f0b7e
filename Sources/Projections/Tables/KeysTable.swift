public import Proofs
public import EventStore
public import Ledger
import Merkle
import SQLite

/// An API key as lists show it: never the key, never its hash.
public struct KeyView: Sendable, Equatable {
    /// The last refusal that the log holds; at most one a day for each reason is recorded.
    public struct LastRefusal: Sendable, Equatable {
        public let reason: KeyRefusal
        public let at: Timestamp
    }

    public let id: KeyID
    public let name: String
    public let prefix: KeyPrefix
    /// The beginning of the key.
    public let display: String
    public let permissions: Permissions
    public let createdAt: Timestamp
    public let expiresAt: Timestamp?
    public let revokedAt: Timestamp?
    /// When the secret was last replaced; nil for never.
    public let rotatedAt: Timestamp?
    /// When its last block of requests was reserved, at most a day before its last use; nil when it was never used.
    public let lastUsedAt: Timestamp?
    public let lastRefusal: LastRefusal?
    /// Where requests may come from; empty for anywhere.
    public let allowedAddresses: [AddressRange]
    /// The key's own limit; the plan may have a lower one.
    public let monthlyLimit: Int64?
    /// The last cycle in which it was used, `YYYY-MM`; empty when it was never used.
    let cycle: String
    let cycleRequests: Int64

    /// Live or test.
    public var environment: KeyEnvironment { prefix.environment }

    /// Requests counted in `cycle`, of which the last block may not be used up yet.
    public func requests(in cycle: BillingCycle) -> Int64 { self.cycle == cycle.text ? cycleRequests : 0 }
}

/// `api_keys`: one row for each key ever issued, with its current secret; `key_secrets`: one for each secret that was replaced.
///
/// Neither has an index by the key's name or by a secret's hash: ``KeyDirectory`` finds both in memory, and a random text costs
/// each sign-up a page of its own.
struct KeysTable {
    static let definition = TableDefinition(
        name: "api_keys", key: "sequence",
        sql: """
            CREATE TABLE api_keys (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, customer INTEGER NOT NULL,
                environment TEXT NOT NULL, name TEXT NOT NULL, prefix TEXT NOT NULL, display TEXT NOT NULL,
                permissions INTEGER NOT NULL, secret_sha256 BLOB NOT NULL, allowed_addresses TEXT NOT NULL, monthly_limit INTEGER,
                created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER, rotated_at INTEGER,
                last_used_at INTEGER, cycle TEXT NOT NULL, requests INTEGER NOT NULL, last_refused_at INTEGER,
                last_refusal TEXT
            ) STRICT;
            CREATE INDEX api_keys_by_customer ON api_keys (customer, environment, sequence)
            """)
    static let secretsDefinition = TableDefinition(
        name: "key_secrets", key: "key, sequence",
        sql: """
            CREATE TABLE key_secrets (
                key INTEGER NOT NULL, sequence INTEGER NOT NULL, sha256 BLOB NOT NULL, ends_at INTEGER NOT NULL,
                PRIMARY KEY (key, sequence)
            ) STRICT, WITHOUT ROWID
            """)

    private let insert: SQLiteStatement
    private let keepSecret: SQLiteStatement
    private let endSecrets: SQLiteStatement
    private let rotate: SQLiteStatement
    private let rename: SQLiteStatement
    private let bind: SQLiteStatement
    private let revoke: SQLiteStatement
    private let refuse: SQLiteStatement
    private let use: SQLiteStatement
    private let ofCustomer: SQLiteStatement
    private let countRequests: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement(
            """
            INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, '', 0, NULL, NULL)
            """, on: connection)
        keepSecret = try SQLiteStatement(
            "INSERT INTO key_secrets SELECT sequence, ?2, secret_sha256, ?3 FROM api_keys WHERE sequence = ?1",
            on: connection)
        endSecrets = try SQLiteStatement(
            "UPDATE key_secrets SET ends_at = ?2 WHERE key = ?1 AND ends_at > ?2", on: connection)
        rotate = try SQLiteStatement(
            "UPDATE api_keys SET display = ?2, rotated_at = ?3, secret_sha256 = ?4 WHERE sequence = ?1", on: connection)
        rename = try SQLiteStatement("UPDATE api_keys SET name = ?2 WHERE sequence = ?1", on: connection)
        bind = try SQLiteStatement(
            "UPDATE api_keys SET allowed_addresses = ?2, monthly_limit = ?3 WHERE sequence = ?1", on: connection)
        revoke = try SQLiteStatement("UPDATE api_keys SET revoked_at = ?2 WHERE sequence = ?1", on: connection)
        refuse = try SQLiteStatement(
            "UPDATE api_keys SET last_refused_at = ?2, last_refusal = ?3 WHERE sequence = ?1", on: connection)
        use = try SQLiteStatement("UPDATE api_keys SET last_used_at = ?2 WHERE sequence = ?1", on: connection)
        countRequests = try SQLiteStatement(
            """
            UPDATE api_keys SET requests = CASE WHEN cycle = ?2 THEN requests + ?3 ELSE ?3 END, cycle = ?2
            WHERE sequence = ?1
            """, on: connection)
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

    func apply(_ event: KeyIssued, customer: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try insert.run { row in
            row.add(Int64(envelope.sequence))
            row.add(event.keyID.text)
            row.add(customer)
            row.add(event.environment.rawValue)
            row.add(event.name)
            row.add(event.prefix.rawValue)
            row.add(event.display)
            row.add(Int64(event.permissions.rawValue))
            event.secretSHA256.withUnsafeBytes { row.add(blob: $0) }
            row.add(Self.text(of: event.allowedAddresses))
            row.add(event.monthlyLimit)
            row.add(envelope.at.microseconds)
            row.add(event.expiresAt?.microseconds)
        }
    }

    func apply(_ event: KeyRotated, key: Int64, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let now = envelope.at.microseconds
        // Without an end of its own, the old secret ends now, and with it those before that had not ended yet.
        if event.previousEndsAt == nil { try endSecrets.run(.integer(key), .integer(now)) }
        try keepSecret.run(
            .integer(key), .integer(Int64(envelope.sequence)),
            .integer(event.previousEndsAt?.microseconds ?? now))
        try rotate.run(.integer(key), .text(event.display), .integer(now), .blob(event.secretSHA256.bytes))
    }

    /// - Parameter key: as the event left it.
    func apply(_ event: KeyChanged, key: KeyEntry) throws(ProjectionError) {
        if let name = event.name { try rename.run(.integer(key.sequence), .text(name)) }
        try bind.run(
            .integer(key.sequence), .text(Self.text(of: key.allowedAddresses)), SQLiteValue(key.monthlyLimit))
    }

    func apply(_ event: KeyRefused, key: Int64, at time: Timestamp) throws(ProjectionError) {
        try refuse.run(.integer(key), .integer(time.microseconds), .text(event.reason.rawValue))
    }

    func markRevoked(_ sequence: Int64, at time: Timestamp) throws(ProjectionError) {
        try revoke.run(.integer(sequence), .integer(time.microseconds))
    }

    func markUsed(_ sequence: Int64, at time: Timestamp) throws(ProjectionError) {
        try use.run(.integer(sequence), .integer(time.microseconds))
    }

    /// Adds to the key's count of `cycle`, which begins at 0 when it is another one than before.
    func count(_ requests: Int64, of sequence: Int64, cycle: String) throws(ProjectionError) {
        try countRequests.run(.integer(sequence), .text(cycle), .integer(requests))
    }

    /// Every key with its secrets, for the directory.
    static func entries(on connection: OpaquePointer) throws(ProjectionError) -> [KeyWithSecrets] {
        var secrets: [Int64: [KeyEntry.Secret]] = [:]
        let allSecrets = try SQLiteStatement(
            "SELECT key, sha256, ends_at FROM key_secrets ORDER BY key, sequence", on: connection)
        try allSecrets.forEachRow([]) { row throws(ProjectionError) in
            let end = Timestamp(microseconds: row.integer(2))
            secrets[row.integer(0), default: []].append(.init(sha256: try Self.hash(row, 1), endsAt: end))
        }
        var entries: [KeyWithSecrets] = []
        try SQLiteStatement(KeyEntry.allSQL, on: connection).forEachRow([]) { row throws(ProjectionError) in
            let entry = try KeyEntry(row)
            let current = KeyEntry.Secret(sha256: try Self.hash(row, KeyEntry.secretColumn), endsAt: nil)
            entries.append(KeyWithSecrets(entry: entry, secrets: (secrets[entry.sequence] ?? []) + [current]))
        }
        return entries
    }

    private static func hash(_ row: SQLiteRow, _ column: Int32) throws(ProjectionError) -> Hash {
        guard let hash = Hash(bytes: row.blob(column)) else {
            throw ProjectionError(.damaged, "a key's hash does not have 32 bytes; rebuild the file")
        }
        return hash
    }

    /// Ranges separated by spaces.
    private static func text(of ranges: [AddressRange]) -> String { ranges.map(\.text).joined(separator: " ") }

    /// What ``text(of:)`` wrote; nil for anything else.
    static func addresses(_ text: String) -> [AddressRange]? {
        var ranges: [AddressRange] = []
        for part in text.split(separator: " ") {
            do throws(AddressRange.Problem) { ranges.append(try AddressRange(String(part))) } catch { return nil }
        }
        return ranges
    }
}

extension KeyView {
    static let columns = """
        k.id, k.name, k.prefix, k.display, k.permissions, k.created_at, k.expires_at, k.revoked_at, k.rotated_at,
        k.last_used_at, k.last_refused_at, k.last_refusal, k.allowed_addresses, k.monthly_limit, k.cycle, k.requests
        """
    static let bySequence = Query(
        """
        SELECT \(columns) FROM api_keys k
        WHERE k.sequence = ? AND k.customer = ? AND k.environment = ?
        """)
    static let ofCustomer = Query(
        """
        SELECT \(columns) FROM api_keys k
        WHERE k.customer = ?1 AND k.environment = ?2
            AND k.sequence < coalesce(?3, 9223372036854775807)
        ORDER BY k.sequence DESC LIMIT ?4
        """)

    /// Keys with one prefix, revoked ones left out when `?5` is 1.
    static let ofPrefix = Query(
        """
        SELECT \(columns) FROM api_keys k
        WHERE k.customer = ?1 AND k.environment = ?2 AND k.prefix = ?6 AND (?5 = 0 OR k.revoked_at IS NULL)
            AND k.sequence < coalesce(?3, 9223372036854775807)
        ORDER BY k.sequence DESC LIMIT ?4
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
        rotatedAt = row.optionalInteger(8).map(Timestamp.init(microseconds:))
        lastUsedAt = row.optionalInteger(9).map(Timestamp.init(microseconds:))
        if let refusedAt = row.optionalInteger(10) {
            lastRefusal = LastRefusal(
                reason: try row.parsed(11, KeyRefusal.init(rawValue:)), at: Timestamp(microseconds: refusedAt))
        } else {
            lastRefusal = nil
        }
        allowedAddresses = try row.parsed(12, KeysTable.addresses)
        monthlyLimit = row.optionalInteger(13)
        cycle = row.text(14)
        cycleRequests = row.integer(15)
    }
}

extension ProjectionStore {
    /// The key called `id` if it is `customer`'s and of that environment, or nil.
    public func key(
        _ id: KeyID, of customer: CustomerID, in environment: KeyEnvironment
    ) throws(ProjectionError) -> KeyView? {
        guard let sequence = keys.find(id)?.sequence else { return nil }
        return try readers.row(
            KeyView.bySequence, [.integer(sequence), rowNumber(of: customer), .text(environment.rawValue)], KeyView.init
        )
    }

    /// The keys of `customer`, revoked ones included, newest first; those behind the key `after` when one is given.
    public func keys(
        of customer: CustomerID, in environment: KeyEnvironment, after: KeyID? = nil, limit: Int
    ) throws(ProjectionError) -> Page<KeyView> {
        let rows = try readers.rows(
            KeyView.ofCustomer,
            [
                rowNumber(of: customer), .text(environment.rawValue), rowNumber(of: after), .integer(Int64(limit) + 1),
            ], KeyView.init)
        return Page(rows, limit: limit)
    }

    /// The keys of `customer` that begin with `prefix`, newest first; those behind the key `after` when one is given.
    public func keys(
        of customer: CustomerID, prefix: KeyPrefix, withoutRevoked: Bool, after: KeyID? = nil, limit: Int
    ) throws(ProjectionError) -> Page<KeyView> {
        let rows = try readers.rows(
            KeyView.ofPrefix,
            [
                rowNumber(of: customer), .text(prefix.environment.rawValue), rowNumber(of: after),
                .integer(Int64(limit) + 1), .integer(withoutRevoked ? 1 : 0), .text(prefix.rawValue),
            ], KeyView.init)
        return Page(rows, limit: limit)
    }

    /// Where the key stands; null for none, and for one that there never was.
    private func rowNumber(of key: KeyID?) -> SQLiteValue { SQLiteValue(key.flatMap { keys.find($0)?.sequence }) }
}
