/// A value for a statement's parameter.
public enum SQLiteValue: Sendable {
    case null
    case integer(Int64)
    case text(String)
    /// Text of which the bytes are at hand, in UTF-8.
    case utf8([UInt8])
    case blob([UInt8])

    /// The number, or null.
    public init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

    /// The text, or null.
    public init(_ text: String?) { self = text.map { .text($0) } ?? .null }

    /// Bytes of a text or blob.
    var byteCount: Int {
        switch self {
        case .null, .integer: 0
        case .text(let text): text.utf8.count
        case .utf8(let bytes), .blob(let bytes): bytes.count
        }
    }
}
