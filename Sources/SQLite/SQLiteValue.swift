/// A value for a statement's parameter.
public enum SQLiteValue: Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    /// The number, or null.
    public init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

    /// The text, or null.
    public init(_ text: String?) { self = text.map { .text($0) } ?? .null }
}
