/// Why a proof, or something it needs, could not be made or read.
public struct ProofError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was. Stable: callers and logs may depend on the raw values.
    public enum Code: String, Sendable {
        /// The document is not a Cryptographic Destruction Proof at all (the HTTP API answers 400).
        case notAProof = "not_a_proof"
        /// The evidence does not show a clean destruction, so there is nothing to prove.
        case uncleanDestruction = "unclean_destruction"
        /// Something given to the builder does not fit the format.
        case invalidInput = "invalid_input"
        /// libsodium could not be started.
        case cryptographyUnavailable = "cryptography_unavailable"
        /// Guarded memory could not be had or could not be locked.
        case guardedMemoryUnavailable = "guarded_memory_unavailable"
        /// A private key was overwritten but did not read back as zero.
        case keyNotZeroed = "key_not_zeroed"
        /// A proof just built did not pass the verifier; it was not handed out.
        case builtProofInvalid = "built_proof_invalid"
        /// The regulatory table that is built into the program cannot be read.
        case regulatoryTableInvalid = "regulatory_table_invalid"
    }

    /// What kind of failure it was.
    public let code: Code
    /// What went wrong, where, and what to do about it. Holds no secret and no session content.
    public let message: String

    /// An error of this kind; the message says where, and what to do.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    public var description: String { "\(code.rawValue): \(message)" }
}
