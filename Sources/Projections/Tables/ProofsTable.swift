public import Proofs
import CanonicalJSON
public import EventStore
public import Ledger
import SQLite

/// A destruction proof in a list.
public struct ProofView: Sendable, Equatable {
    public let sessionID: SessionID
    public let environment: KeyEnvironment
    public let keyID: String
    /// `sha256:` and 64 hex digits.
    public let finalHash: String
    public let trigger: DestructionTrigger
    public let issuedAt: Timestamp
    /// Position of its event in the log.
    public let sequence: UInt64

    /// What a proof is asked for with.
    struct Question: Hashable {
        let session: SessionID
        let customer: CustomerID
        let environment: KeyEnvironment
    }
}

/// One link of a proof's chain.
public struct ProofStepView: Sendable, Equatable {
    public let step: Int
    public let subsystem: String
    public let operation: String
    /// `sha256:` and 64 hex digits.
    public let evidenceHash: String
    /// `sha256:` and 64 hex digits.
    public let chainHash: String
}

/// `proofs`: the destruction chains. A proof's row has its session's number; its links are read from the document by
/// the view `proof_steps`, so that they can never differ from it.
struct ProofsTable {
    static let definition = TableDefinition(
        name: "proofs", key: "session",
        sql: """
            CREATE TABLE proofs (
                session INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, customer INTEGER NOT NULL,
                environment TEXT NOT NULL, key_id TEXT NOT NULL, final_hash TEXT NOT NULL, ended_by TEXT NOT NULL,
                issued_at INTEGER NOT NULL, document TEXT NOT NULL
            ) STRICT;
            CREATE VIEW proof_steps AS SELECT p.session AS session, link.value ->> 'step' AS step,
                link.value ->> 'subsystem' AS subsystem, link.value ->> 'operation' AS operation,
                link.value ->> 'evidence_hash' AS evidence_hash, link.value ->> 'chain_hash' AS chain_hash
            FROM proofs p, json_each(p.document, '$.chain') link
            """, indexes: ["CREATE INDEX proofs_by_customer ON proofs (customer, environment, sequence)"])

    private let insert: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", on: connection)
    }

    func apply(
        _ event: ProofIssued, session: SessionsTable.Row, _ envelope: OpenedEnvelope
    ) throws(ProjectionError) {
        try insert.run { row in
            row.add(session.sequence)
            row.add(Int64(envelope.sequence))
            row.add(session.customer)
            row.add(session.environment.rawValue)
            row.add(event.keyID.text)
            row.add(event.finalHash)
            row.add(event.trigger.rawValue)
            row.add(envelope.at.microseconds)
            envelope.withTexts { row.add(utf8: $0.document) }
        }
    }
}

extension ProofView {
    static let document = Query(
        """
        SELECT p.document FROM sessions s JOIN proofs p ON p.session = s.sequence
        WHERE s.id = ? AND s.customer = ? AND s.environment = ?
        """)
    static let place = Query(
        """
        SELECT p.sequence, k.sequence FROM sessions s JOIN proofs p ON p.session = s.sequence
        JOIN verification_keys k ON k.id = p.key_id
        WHERE s.id = ? AND s.customer = ? AND s.environment = ?
        """)
    static let newestFirst = Query(
        """
        SELECT s.id, p.environment, p.key_id, p.final_hash, p.ended_by, p.issued_at, p.sequence
        FROM proofs p JOIN sessions s ON s.sequence = p.session
        WHERE p.customer = ? AND p.environment = ? AND p.sequence < coalesce(
            (SELECT p2.sequence FROM proofs p2 JOIN sessions s2 ON s2.sequence = p2.session WHERE s2.id = ?),
            9223372036854775807)
        ORDER BY p.sequence DESC LIMIT ?
        """)
    static let steps = Query(
        """
        SELECT t.step, t.subsystem, t.operation, t.evidence_hash, t.chain_hash
        FROM sessions s JOIN proof_steps t ON t.session = s.sequence WHERE s.id = ? ORDER BY t.step
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        sessionID = try row.parsed(0, SessionID.init)
        environment = try row.parsed(1, KeyEnvironment.init(rawValue:))
        keyID = row.text(2)
        finalHash = row.text(3)
        trigger = try row.parsed(4, DestructionTrigger.init(rawValue:))
        issuedAt = Timestamp(microseconds: row.integer(5))
        sequence = UInt64(row.integer(6))
    }
}

extension ProjectionStore {
    /// The destruction proof of `session` if it is `customer`'s and of `environment`: the canonical JSON text that was
    /// handed out when the session was destroyed. Nil for no such session and for one without a proof.
    public func proofDocument(
        of session: SessionID, customer: CustomerID, in environment: KeyEnvironment
    ) throws(ProjectionError) -> String? {
        let question = ProofView.Question(session: session, customer: customer, environment: environment)
        return try proofCache.value(for: question, at: position) { () throws(ProjectionError) in
            try readers.row(
                ProofView.document, [.text(session.text), rowNumber(of: customer), .text(environment.rawValue)]
            ) { row throws(ProjectionError) in row.text(0) }
        }
    }

    /// Where the events of the proof of `session`, and of the key it was signed with, stand in the log; nil as for
    /// ``proofDocument(of:customer:in:)``.
    public func proofPlaces(
        of session: SessionID, customer: CustomerID, in environment: KeyEnvironment
    ) throws(ProjectionError) -> (proof: UInt64, verificationKey: UInt64)? {
        try readers.row(
            ProofView.place, [.text(session.text), rowNumber(of: customer), .text(environment.rawValue)]
        ) { row throws(ProjectionError) in (UInt64(row.integer(0)), UInt64(row.integer(1))) }
    }

    /// The proofs of `customer` in `environment`, newest first; those older than that of `startingAfter`.
    public func proofs(
        of customer: CustomerID, in environment: KeyEnvironment, startingAfter: SessionID? = nil, limit: Int
    ) throws(ProjectionError) -> [ProofView] {
        try readers.rows(
            ProofView.newestFirst,
            [
                rowNumber(of: customer), .text(environment.rawValue), SQLiteValue(startingAfter?.text),
                .integer(Int64(limit)),
            ], ProofView.init)
    }

    /// The links of the chain of `session`'s proof, in order; empty when there is none.
    public func proofSteps(of session: SessionID) throws(ProjectionError) -> [ProofStepView] {
        try readers.rows(ProofView.steps, [.text(session.text)]) { row throws(ProjectionError) in
            ProofStepView(
                step: Int(row.integer(0)), subsystem: row.text(1), operation: row.text(2), evidenceHash: row.text(3),
                chainHash: row.text(4))
        }
    }
}
