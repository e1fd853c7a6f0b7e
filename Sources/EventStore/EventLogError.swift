/// Why the log could not do what it was asked. `message` says what happened and what to do about it.
public struct EventLogError: Error, Sendable, CustomStringConvertible {
    /// Stable, for programs.
    public enum Code: String, Sendable {
        /// Another process has this log open.
        case locked
        /// Stored bytes are not what was written. Nothing was repaired.
        case damaged
        /// The log does not extend what was signed before: files were rolled back or replaced.
        case rolledBack = "rolled_back"
        /// The log belongs to another origin or was signed by another key.
        case foreign
        /// A file operation failed.
        case io
        /// An earlier write or sync failed; only a restart, which re-reads the disk, can go on.
        case poisoned
        /// The log was closed.
        case closed
        /// The log was not at the position that the append expected.
        case unexpectedPosition = "unexpected_position"
        /// An event or an append is larger than the limit.
        case tooLarge = "too_large"
        /// More is waiting for the disk than the queue may hold; try again.
        case overloaded
        /// There is no event at this position yet.
        case outOfRange = "out_of_range"
        /// The signing key could not be used.
        case signing
        /// The configuration cannot work.
        case configuration
    }

    public let code: Code
    public let message: String
    /// The file concerned.
    public let file: String?
    /// Byte offset into `file`.
    public let offset: Int?
    /// The events concerned, as far as known.
    public let sequences: ClosedRange<UInt64>?
    public let cause: (any Error)?

    public init(
        _ code: Code, _ message: String, file: String? = nil, offset: Int? = nil,
        sequences: ClosedRange<UInt64>? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.file = file
        self.offset = offset
        self.sequences = sequences
        self.cause = cause
    }

    init(_ error: FileError) {
        self.init(.io, "\(error). Check the disk and its free space, then restart.", file: error.path, cause: error)
    }

    public var description: String {
        var text = message
        if let file { text += " [file \(file)" + (offset.map { ", byte \($0)" } ?? "") + "]" }
        if let sequences { text += " [events \(sequences.lowerBound) to \(sequences.upperBound)]" }
        return text
    }
}
