public import Proofs
public import EventStore

/// What the rules need to know of a customer.
public struct CustomerRecord: Sendable, Equatable {
    public let id: CustomerID
    public internal(set) var tier: Tier
    public internal(set) var jurisdiction: Jurisdiction
    public let createdAt: Timestamp
    /// Live sessions of live keys.
    public internal(set) var liveSessions = 0
    /// Live sessions of test keys.
    public internal(set) var testSessions = 0
    /// Keys by prefix, revoked ones not counted; expired ones are found when they are looked at.
    var keys: [KeyID] = []
    /// Members that were not removed, and invitations that were neither accepted nor revoked.
    var members: [MemberID] = []
    var invitations: [InvitationID] = []
    /// Those that are there or being made, in the order of their beginning.
    var backups: [BackupID] = []
    /// Agents that are registered.
    var agents: Set<AgentID> = []
    /// The subscription that pays, or paid last; nil when there never was one.
    public internal(set) var subscription: SubscriptionRecord?
    /// The cycle that the numbers below count in; an older one than the state's means that all are 0.
    var cycleStart: Timestamp
    var proofs = 0
    var requests: Int64 = 0
    var computeMicroseconds: Int64 = 0

    init(id: CustomerID, tier: Tier, jurisdiction: Jurisdiction, createdAt: Timestamp, cycle: BillingCycle) {
        self.id = id
        self.tier = tier
        self.jurisdiction = jurisdiction
        self.createdAt = createdAt
        cycleStart = cycle.start
    }

    /// Sessions that are alive in `environment`.
    public func sessions(in environment: KeyEnvironment) -> Int {
        environment == .live ? liveSessions : testSessions
    }

    /// Proofs of live sessions issued in `cycle`.
    public func proofs(in cycle: BillingCycle) -> Int { cycleStart == cycle.start ? proofs : 0 }

    /// Requests of live keys counted in `cycle`, reserved ones included.
    public func requests(in cycle: BillingCycle) -> Int64 { cycleStart == cycle.start ? requests : 0 }

    /// How long commands and terminals of live keys ran in `cycle`, in microseconds.
    public func computeMicroseconds(in cycle: BillingCycle) -> Int64 {
        cycleStart == cycle.start ? computeMicroseconds : 0
    }

    mutating func count(
        proofs: Int = 0, requests: Int64 = 0, computeMicroseconds: Int64 = 0, in cycle: BillingCycle
    ) {
        if cycleStart != cycle.start {
            (cycleStart, self.proofs, self.requests, self.computeMicroseconds) = (cycle.start, 0, 0, 0)
        }
        self.proofs += proofs
        self.requests += requests
        // No sum of durations comes near the end of the numbers, but a forged log must not trap.
        let (sum, isTooMuch) = self.computeMicroseconds.addingReportingOverflow(computeMicroseconds)
        self.computeMicroseconds = isTooMuch ? .max : sum
    }
}

/// A session that is alive.
public struct SessionRecord: Sendable, Equatable {
    /// The public key published for its proof.
    public struct VerificationKey: Sendable, Equatable {
        public let id: VerificationKeyID
        /// `base64:` and the DER SubjectPublicKeyInfo.
        public let publicKey: String
    }

    public let id: SessionID
    public let customerID: CustomerID
    public let creator: SessionCreated.Creator
    public let environment: KeyEnvironment
    public let dataClassification: DataClassification
    public let jurisdiction: Jurisdiction
    public let region: String
    public let layersMissing: [String]
    public let createdAt: Timestamp
    /// Seconds it may live; nil for no limit.
    public let timeToLiveSeconds: Int64?
    /// Commands begun so far.
    public internal(set) var execCount: Int64 = 0
    /// The command that runs now.
    public internal(set) var runningExec: ExecID?
    /// Terminals that are open, and since when.
    public internal(set) var terminals: [TerminalID: Timestamp] = [:]
    /// Set when its destruction has been measured and only the proof is missing.
    public internal(set) var verificationKey: VerificationKey?
    /// Set between its end and its proof, which are adjacent in the log.
    var end: (destroyedAt: Timestamp, trigger: DestructionTrigger)?

    /// `active` or `executing`.
    public var status: SessionStatus { runningExec == nil ? .active : .executing }

    /// When its time runs out; nil for never.
    public var expiresAt: Timestamp? { timeToLiveSeconds.map { createdAt.adding(seconds: $0) } }

    public static func == (left: SessionRecord, right: SessionRecord) -> Bool {
        left.id == right.id && left.customerID == right.customerID && left.creator == right.creator
            && left.environment == right.environment && left.dataClassification == right.dataClassification
            && left.jurisdiction == right.jurisdiction && left.region == right.region
            && left.layersMissing == right.layersMissing && left.createdAt == right.createdAt
            && left.timeToLiveSeconds == right.timeToLiveSeconds && left.execCount == right.execCount
            && left.runningExec == right.runningExec && left.terminals == right.terminals
            && left.verificationKey == right.verificationKey
            && left.end?.destroyedAt == right.end?.destroyedAt && left.end?.trigger == right.end?.trigger
    }
}

/// What is kept of a session that has ended: whose it was, so that a later request gets the right refusal.
public struct EndedSession: Sendable, Equatable {
    public let customerID: CustomerID
    public let environment: KeyEnvironment
    public let status: SessionStatus
}
