public import CanonicalJSON

/// Why a command could not be done, in words for whoever typed it.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// What was asked for cannot be: a wrong option, an address that is none.
        case usage
        /// There is no API key to ask with, or its file cannot be trusted.
        case credentials
        /// A file of this machine cannot be read or written.
        case file
        /// The server cannot be reached, or the connection broke.
        case network
        /// The server said no.
        case refused
        /// What came back is not what the API promises.
        case unexpected
    }

    public let code: Code
    /// What is wrong and what to do.
    public let message: String
    /// The HTTP status, where the server answered.
    public var status: Int?
    /// How long the server says to wait, in seconds.
    var retryAfterSeconds: Int?
    /// The server's whole answer, for `--json`.
    public var answer: JSONValue?

    public init(_ code: Code, _ message: String, status: Int? = nil, answer: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.answer = answer
    }

    public var description: String { message }

    /// The one document that `--json` prints of it.
    public var document: JSONValue {
        [
            "error": .string(code.rawValue), "message": .string(message),
            "status": status.map { .integer(Int64($0)) } ?? .null, "answer": answer ?? .null,
        ]
    }
}
