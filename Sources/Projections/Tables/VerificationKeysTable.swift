public import EventStore
public import Ledger
import SQLite

/// The public key of a proof, for anyone who asks.
public struct VerificationKeyView: Sendable, Equatable {
    public let id: String
    /// `base64:` and the DER SubjectPublicKeyInfo.
    public let publicKey: String
    public let sessionID: SessionID
    /// When it was published.
    public let createdAt: Timestamp
    /// Position of its event in the log.
    public let sequence: UInt64
}

/// `verification_keys`: one row for each ever published; they stay for ever.
struct VerificationKeysTable {
    static let definition = TableDefinition(
        name: "verification_keys", key: "sequence",
        sql: """
            CREATE TABLE verification_keys (
                sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, session_id TEXT NOT NULL, public_key TEXT NOT NULL,
                created_at INTEGER NOT NULL
            ) STRICT
            """, indexes: ["CREATE UNIQUE INDEX verification_keys_by_id ON verification_keys (id)"])

    private let insert: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO verification_keys VALUES (?, ?, ?, ?, ?)", on: connection)
    }

    func apply(_ event: VerificationKeyPublished, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try insert.run { row in
            row.add(Int64(envelope.sequence))
            row.add(event.keyID.text)
            envelope.withTexts { row.add(utf8: $0.stream) }
            row.add(event.publicKey)
            row.add(envelope.at.microseconds)
        }
    }
}

extension VerificationKeyView {
    static let byID = Query(
        "SELECT id, public_key, session_id, created_at, sequence FROM verification_keys WHERE id = ?")

    init(_ row: SQLiteRow) throws(ProjectionError) {
        id = row.text(0)
        publicKey = row.text(1)
        sessionID = try row.parsed(2, SessionID.init)
        createdAt = Timestamp(microseconds: row.integer(3))
        sequence = UInt64(row.integer(4))
    }
}

extension ProjectionStore {
    /// The public key called `id`, or nil. Public: keys name no customer.
    public func verificationKey(_ id: String) throws(ProjectionError) -> VerificationKeyView? {
        try keyCache.value(for: id, at: position) { () throws(ProjectionError) in
            try readers.row(VerificationKeyView.byID, [.text(id)], VerificationKeyView.init)
        }
    }
}
