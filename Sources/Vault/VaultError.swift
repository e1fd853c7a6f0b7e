/// Why the vault could not do what it was asked. `message` says what happened and what to do about it; neither it nor
/// `cause` holds a key, an e-mail or a sealed text.
public struct VaultError: Error, Sendable, CustomStringConvertible {
    /// Stable, for programs.
    public enum Code: String, Sendable {
        /// Another customer has this e-mail already.
        case emailTaken = "email_taken"
        /// A data key for this customer exists already.
        case customerExists = "customer_exists"
        /// There is no data key for this customer: erased, released or never reserved.
        case unknownCustomer = "unknown_customer"
        /// The sealed text was altered, or belongs to another customer, context or field.
        case notAuthentic = "not_authentic"
        /// What was given cannot be used: an empty e-mail, a text beyond the limit, a malformed origin.
        case invalidInput = "invalid_input"
        /// The vault belongs to another origin than the one that was asked for.
        case foreignOrigin = "foreign_origin"
        /// A signed tree head was smaller than one signed before, or has another root at the same size.
        case rolledBack = "rolled_back"
        /// A file or the directory is open to others, or belongs to somebody else.
        case permissions
        /// The vault was made with a master key that is not there.
        case masterKeyMissing = "master_key_missing"
        /// The master key's file does not hold a key.
        case masterKeyMalformed = "master_key_malformed"
        /// The vault was made with another master key.
        case wrongMasterKey = "wrong_master_key"
        /// What is stored is not what was written.
        case damaged
        /// Another process has this vault open.
        case locked
        /// A file operation failed.
        case io
        /// An earlier write or sync failed; only a restart, which re-reads the disk, can go on.
        case poisoned
        /// The vault was closed.
        case closed
        /// More is waiting for the disk than the queue may hold; try again.
        case overloaded
        /// The vault was written by a newer version.
        case unsupportedFormat = "unsupported_format"
        /// libsodium, or guarded memory, could not be had.
        case cryptographyUnavailable = "cryptography_unavailable"
    }

    /// What kind of failure it was.
    public let code: Code
    /// What happened and what to do.
    public let message: String
    /// The file or directory concerned.
    public let file: String?
    /// What lies below, when something does.
    public let cause: (any Error)?

    /// - Parameters:
    ///   - code: what kind of failure it was.
    ///   - message: what happened and what to do; no secret.
    ///   - file: the file or directory concerned.
    ///   - cause: what lies below.
    public init(_ code: Code, _ message: String, file: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.file = file
        self.cause = cause
    }

    public var description: String { message + (file.map { " [file \($0)]" } ?? "") }
}
