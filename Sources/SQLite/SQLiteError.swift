/// What SQLite says went wrong.
public struct SQLiteError: Error, Sendable, Equatable {
    /// The extended result code.
    public let code: Int32
    /// SQLite's own words, which never hold a bound value.
    public let message: String
    /// What was being done.
    public let operation: String
}
