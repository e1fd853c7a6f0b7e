import Merkle
import EventStore
import Ledger
import SQLite

/// `remembered_answers`: the sealed first answers of requests with an idempotency key, for as long as a repeat gets them.
struct RememberedAnswersTable {
    static let definition = TableDefinition(
        name: "remembered_answers", key: "sequence",
        sql: """
            CREATE TABLE remembered_answers (
                sequence INTEGER PRIMARY KEY, key_sha256 BLOB NOT NULL, at INTEGER NOT NULL, answer TEXT NOT NULL
            ) STRICT;
            CREATE INDEX remembered_answers_by_age ON remembered_answers (at);
            CREATE INDEX remembered_answers_by_key ON remembered_answers (key_sha256)
            """)

    private let insert: SQLiteStatement
    private let forget: SQLiteStatement
    private let release: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        insert = try SQLiteStatement("INSERT INTO remembered_answers VALUES (?, ?, ?, ?)", on: connection)
        forget = try SQLiteStatement("DELETE FROM remembered_answers WHERE at <= ?", on: connection)
        release = try SQLiteStatement("DELETE FROM remembered_answers WHERE key_sha256 = ?", on: connection)
    }

    /// Adds the answer and forgets those that are too old by then.
    func apply(_ event: IdempotencyRecorded, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        try forget.run(.integer(envelope.at.adding(seconds: -RememberedRequest.secondsKept).microseconds))
        guard let answer = event.answer else { return }
        try insert.run(
            .integer(Int64(envelope.sequence)), .blob(event.keySHA256.bytes),
            .integer(envelope.at.microseconds), .text(answer))
    }

    func apply(_ event: IdempotencyReleased) throws(ProjectionError) {
        try release.run(.blob(event.keySHA256.bytes))
    }
}

extension ProjectionStore {
    private static let rememberedAnswer = Query("SELECT answer FROM remembered_answers WHERE sequence = ?")

    /// The sealed answer, in base64, that the event at `sequence` remembers, or nil.
    public func rememberedAnswer(at sequence: UInt64) throws(ProjectionError) -> String? {
        try readers.row(Self.rememberedAnswer, [.integer(Int64(clamping: sequence))]) { row throws(ProjectionError) in
            row.text(0)
        }
    }
}
