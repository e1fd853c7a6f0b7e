public import CanonicalJSON
public import Merkle

/// What ``ProofVerifier`` found: a verdict, the checks behind it, and why those that failed did.
public struct ProofVerification: Sendable, Equatable {
    /// The separate things that are checked. The raw values are the member names of `checks` in the HTTP answer.
    public enum Check: String, Sendable, CaseIterable {
        /// Every object has exactly the members of the format, each of the right type and form.
        case structure
        /// Every evidence document hashes to the evidence hash of its chain step.
        case evidence
        /// Every chain hash follows from the one before, the step's names and its evidence hash.
        case chainIntegrity = "chain_integrity"
        /// `final_hash` is the chain hash of step 8.
        case finalHash = "final_hash"
        /// The Ed25519 signature of the final hash holds under the public key given.
        case signature
        /// The evidence names this very public key and its id, and the id follows from session and time.
        case keyBinding = "key_binding"
        /// The evidence names the hashes of the regulatory and the session context.
        case contextBinding = "context_binding"
        /// What stands twice is equal, and the numbers agree with each other.
        case consistency
        /// The evidence says what a clean destruction says.
        case cleanDestruction = "clean_destruction"
    }

    /// One thing that is wrong.
    public struct Failure: Sendable, Equatable {
        /// Which check it failed.
        public let check: Check
        /// What is wrong and where, for people.
        public let message: String
    }

    /// How far this verdict reaches: the document alone. It does not say who made the document (docs/cdp.md).
    public static let level = "integrity"

    /// Everything that is wrong; empty for a valid proof.
    public let failures: [Failure]
    /// Number of steps found in the chain; 8 in a valid proof.
    public let stepCount: Int
    /// Isolation layers that the session ran without. To be shown with every verdict, also a good one.
    public let layersMissing: [String]
    /// What the document says of itself; nil when its structure is broken. To be believed only when ``isValid``.
    public let claims: ProofClaims?

    /// Whether every check passed.
    public var isValid: Bool { failures.isEmpty }

    /// Whether nothing was found wrong under `check`.
    public func passed(_ check: Check) -> Bool { !failures.contains { $0.check == check } }

    /// The `checks` member of the answer of `POST /v1/verify`: every check by name, and `step_count`.
    public var checksDocument: JSONValue {
        var checks = JSONObject()
        for check in Check.allCases { checks[check.rawValue] = .bool(passed(check)) }
        checks["step_count"] = .integer(Int64(stepCount))
        return .object(checks)
    }
}

/// What a proof says of itself, for whoever goes on to look the key or the session up in a log.
public struct ProofClaims: Sendable, Equatable {
    /// The session that was destroyed.
    public let sessionID: String
    /// The customer it belonged to.
    public let customerID: String
    /// When it began.
    public let createdAt: UTCSecond
    /// When its destruction was complete.
    public let destroyedAt: UTCSecond
    /// What ended it.
    public let trigger: DestructionTrigger
    /// Number of commands it ran.
    public let execCount: Int64
    /// The name under which the key was to be published.
    public let keyID: String
    /// The key under which the signature holds.
    public let publicKey: VerificationKey
    /// The chain hash of step 8, which is signed.
    public let finalHash: Hash
    /// `base64:` and the signature, as the document has it.
    public let signatureText: String
    /// The state of the log that step 7 sealed.
    public let logHead: LogHead
}
