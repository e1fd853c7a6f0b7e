import EventStore

/// Why the auditor could not do what it was asked: something cannot be opened, read or asked. Never a verdict on a log
/// or a proof; those are in the reports.
public struct AuditorError: Error, Sendable, CustomStringConvertible {
    /// Stable, for programs.
    public enum Code: String, Sendable {
        /// The question cannot be asked like that.
        case usage
        /// A file or directory cannot be read or written.
        case io
    }

    public let code: Code
    /// What happened and what to do about it.
    public let message: String
    /// The file concerned.
    public let file: String?
    public let cause: (any Error)?

    public init(_ code: Code, _ message: String, file: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.file = file
        self.cause = cause
    }

    init(_ error: FileError) { self.init(.io, "\(error).", file: error.path, cause: error) }

    init(_ error: EventLogError) { self.init(.io, error.message, file: error.file, cause: error) }

    public var description: String { message }
}

/// What the program's exit code says (docs/auditing.md).
public enum ExitStatus: Int32, Sendable {
    /// Verified at the level that was asked for.
    case verified = 0
    /// Something is not what it claims to be.
    case failed = 1
    /// The question could not be asked: usage, or a file that cannot be opened.
    case unusable = 2
    /// Verified, but only at a lower level than the one asked for.
    case lowerLevel = 3

    /// The value of `result` in the JSON output.
    public var name: String {
        switch self {
        case .verified: "verified"
        case .failed: "failed"
        case .unusable: "error"
        case .lowerLevel: "lower_level"
        }
    }
}
