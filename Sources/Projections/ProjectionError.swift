import Proofs
import GRDB

/// What went wrong with the projections' file. It is disposable: deleting it is always safe, it is rebuilt from the log.
public struct ProjectionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure; stable.
    public enum Code: String, Sendable {
        /// An event was skipped, repeated or out of order.
        case gap
        /// An event that the projections cannot read or place; the log is not one that the rules could have written.
        case event
        /// The file is not a sound database of this product, or of another version of the schema.
        case damaged
        /// SQLite refused: disk full, no permission, locked by another process…
        case storage
    }

    public let code: Code
    /// What was being done, what went wrong, and what to do.
    public let message: String
    /// The event at which it happened.
    public let sequence: UInt64?
    /// SQLite's own extended result code.
    public let sqliteCode: Int32?

    init(_ code: Code, _ message: String, sequence: UInt64? = nil, sqliteCode: Int32? = nil) {
        self.code = code
        self.message = message
        self.sequence = sequence
        self.sqliteCode = sqliteCode
    }

    /// `error` of SQLite, of ours passed through, or anything else that GRDB may throw.
    init(_ error: any Error, while operation: String) {
        if let error = error as? ProjectionError {
            self = error
        } else if let error = error as? DatabaseError {
            self.init(sqlite: error.extendedResultCode.rawValue, error.message ?? "no message", while: operation)
        } else {
            self.init(.storage, "\(operation): \(error)")
        }
    }

    /// Values bound to the statement are never part of the message.
    init(sqlite code: Int32, _ message: String, while operation: String) {
        switch code & 0xFF {
        case 11, 26:  // SQLITE_CORRUPT, SQLITE_NOTADB
            self.init(
                .damaged, "\(operation): \(message). Delete the file and start again: it is rebuilt from the log.",
                sqliteCode: code)
        default: self.init(.storage, "\(operation): \(message) (SQLite \(code))", sqliteCode: code)
        }
    }

    public var description: String {
        "\(code.rawValue): \(message)" + (sequence.map { " (event \($0))" } ?? "")
    }
}
