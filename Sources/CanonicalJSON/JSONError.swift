/// Why some bytes are not the JSON this product accepts, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong.
    public enum Reason: String, Sendable {
        case byteOrderMark = "the text begins with a byte order mark"
        case unexpectedEnd = "the text ends too early"
        case unexpectedByte = "this byte cannot stand here"
        case trailingBytes = "something follows the value"
        case duplicateMember = "a member name stands twice in one object"
        case invalidUTF8 = "the text is not valid UTF-8"
        case loneSurrogate = "an escape is half of a surrogate pair"
        case invalidEscape = "this escape does not exist in JSON"
        case controlCharacter = "a control character stands unescaped in a string"
        case numberOutOfRange = "only integers within ±(2^53−1), written without fraction or exponent, are accepted"
        case tooDeep = "the value is nested too deeply"
        case tooLarge = "the text is larger than the limit"
    }

    /// What was wrong.
    public let reason: Reason
    /// Byte offset into the text, from 0.
    public let offset: Int

    /// An error at a byte offset from the start of the text.
    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// The reason and the offset, in words.
    public var description: String { "\(reason.rawValue) (at byte \(offset))" }
}

extension [UInt8] {
    /// `withUnsafeBufferPointer` that keeps the error's type, which that cannot forward.
    package func withTypedBuffer<R>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(JSONError) -> R
    ) throws(JSONError) -> R {
        let result: Result<R, JSONError> = withUnsafeBufferPointer { buffer in
            Result { () throws(JSONError) in try body(buffer) }
        }
        return try result.get()
    }
}
