public import Merkle

/// The session whose destruction is to be proven: what steps 7 and 8 say beyond the measured evidence.
public struct DestroyedSession: Sendable, Equatable {
    /// `sess_` and 32 lower-case hex digits.
    public var sessionID: String
    /// `cust_` and 32 lower-case hex digits.
    public var customerID: String
    /// When the session began.
    public var createdAt: UTCSecond
    /// What ended it.
    public var trigger: DestructionTrigger
    /// Number of commands the session ran.
    public var execCount: Int64
    /// Under which rules its owner placed it.
    public var context: SessionContext

    /// A session as its events tell of it.
    public init(
        sessionID: String, customerID: String, createdAt: UTCSecond, trigger: DestructionTrigger, execCount: Int64,
        context: SessionContext
    ) {
        self.sessionID = sessionID
        self.customerID = customerID
        self.createdAt = createdAt
        self.trigger = trigger
        self.execCount = execCount
        self.context = context
    }
}

/// What ended a session whose destruction was measured and proven.
public enum DestructionTrigger: String, Sendable, CaseIterable {
    /// Its owner asked for it: `DELETE /v1/sessions/:id`.
    case api
    /// Its time to live ran out.
    case timeToLive = "ttl"
    /// It ran out of memory.
    case outOfMemory = "oom"
    /// The server was stopped in good order.
    case shutdown
}

/// The `session_context` of a proof: under which rules the session's owner placed it.
public struct SessionContext: Sendable, Equatable {
    /// Where its data is governed.
    public var jurisdiction: Jurisdiction
    /// What its data is.
    public var dataClassification: DataClassification
    /// Where the node runs, such as `us` or `eu`.
    public var region: String
    /// Whether a live or a test key made it.
    public var environment: KeyEnvironment

    /// A context as the customer and the node declare it.
    public init(
        jurisdiction: Jurisdiction, dataClassification: DataClassification, region: String,
        environment: KeyEnvironment
    ) {
        self.jurisdiction = jurisdiction
        self.dataClassification = dataClassification
        self.region = region
        self.environment = environment
    }
}

/// Where a customer is at home; carried into the context of its proofs.
public enum Jurisdiction: String, Sendable, CaseIterable {
    case unitedStates = "US"
    case europeanUnion = "EU"
    case unitedKingdom = "UK"
    case canada = "CA"
    case australia = "AU"
    case india = "IN"
    case other = "OTHER"
}

/// What kind of data a session works on, as the customer says.
public enum DataClassification: String, Sendable, CaseIterable {
    case general
    case healthInformation = "PHI"
    case personalInformation = "PII"
    case financial
    case credentials
}

/// Real work, or trying things out: what test keys make is kept apart and never billed.
public enum KeyEnvironment: String, Sendable, CaseIterable {
    case live
    case test
}

/// A state of the log that holds every event of the session so far, its key's event included: step 7 of a proof.
public struct LogHead: Sendable, Equatable {
    /// The log's origin line, such as `ledger.example/log`.
    public var origin: String
    /// Number of events.
    public var size: Int64
    /// RFC 6962 root over them.
    public var root: Hash

    /// A state of the log.
    public init(origin: String, size: Int64, root: Hash) {
        self.origin = origin
        self.size = size
        self.root = root
    }
}
