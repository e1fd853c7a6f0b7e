public import Proofs
public import CanonicalJSON
public import EventStore
public import Merkle

/// Something that somebody wants to happen. ``State/decide(_:in:using:)`` turns it into events or refuses it.
///
/// Everything random or measured is made by the caller and comes in here.
public enum Command: Sendable {
    case signUp(SignUp)
    case issueKey(IssueKey)
    case changeKey(ChangeKey)
    case rotateKey(RotateKey)
    case revokeKey(RevokeKey)
    case inviteMember(InviteMember)
    case revokeInvitation(InvitationID)
    case acceptInvitation(AcceptInvitation)
    case changeRole(ChangeRole)
    case removeMember(MemberID)
    case changePassword(ChangePassword)
    case issueReset(IssueReset)
    case startSignIn(StartSignIn)
    case refreshSignIn(RefreshSignIn)
    case endSignIn(SignInID)
    case changePlan(ChangePlan)
    case changeCustomer(ChangeCustomer)
    case eraseCustomer(CustomerID)
    case startCheckout(StartCheckout)
    case recordSubscription(RecordSubscription)
    case endGrace(CustomerID)
    case recordKeyRefusal(RecordKeyRefusal)
    case createSession(CreateSession)
    case beginExec(BeginExec)
    case finishExec(FinishExec)
    case publishVerificationKey(PublishVerificationKey)
    case endSession(EndSession)
    case expireUnclean(ExpireUnclean)
    case openTerminal(OpenTerminal)
    case closeTerminal(CloseTerminal)
    case startBackup(StartBackup)
    case endBackup(EndBackup)
    case deleteBackup(BackupID)
    case startRestore(StartRestore)
    case endRestore(EndRestore)
    case registerAgent(RegisterAgent)
    case changeAgentStatus(ChangeAgentStatus)
    case publishAgentFacts(PublishAgentFacts)
    case deleteAgent(AgentName)
    case recordAgentProbes(RecordAgentProbes)
    case reserveRequests(ReserveRequests)
    case returnRequests(ReturnRequests)
}

/// A new customer with its first key. That the e-mail is nobody else's is the vault's to know, before this.
public struct SignUp: Sendable {
    public var customerID: CustomerID
    /// The id that the event will have: the e-mail is sealed to it, so it must be known before.
    public var eventID: EventID
    /// The e-mail, sealed by the vault, in base64.
    public var sealedEmail: String
    public var jurisdiction: Jurisdiction
    public var tier: Tier
    public var key: NewKey
    /// The id that the key's event will have; nil for a fresh one.
    public var keyEventID: EventID?
    /// The first member, who signs in with a password; nil for a customer with keys only.
    public var owner: NewMember?

    public init(
        customerID: CustomerID, eventID: EventID, sealedEmail: String, jurisdiction: Jurisdiction = .unitedStates,
        tier: Tier = .free, key: NewKey, keyEventID: EventID? = nil, owner: NewMember? = nil
    ) {
        self.customerID = customerID
        self.eventID = eventID
        self.sealedEmail = sealedEmail
        self.jurisdiction = jurisdiction
        self.tier = tier
        self.key = key
        self.keyEventID = keyEventID
        self.owner = owner
    }
}

/// A new session of the acting key's customer.
public struct CreateSession: Sendable {
    public var sessionID: SessionID
    public var dataClassification: DataClassification
    /// Where this node runs.
    public var region: String
    /// Seconds to live; nil for the longest that the plan allows.
    public var timeToLiveSeconds: Int64?
    /// Isolation layers that the operator allowed to be missing.
    public var layersMissing: [String]

    public init(
        sessionID: SessionID, dataClassification: DataClassification = .general, region: String,
        timeToLiveSeconds: Int64? = nil, layersMissing: [String] = []
    ) {
        self.sessionID = sessionID
        self.dataClassification = dataClassification
        self.region = region
        self.timeToLiveSeconds = timeToLiveSeconds
        self.layersMissing = layersMissing
    }
}

/// A command is about to run; one at a time in a session.
public struct BeginExec: Sendable {
    public var sessionID: SessionID
    public var execID: ExecID
    public var inputBytes: Int64
    public var receiptSHA256: Hash

    public init(sessionID: SessionID, execID: ExecID, inputBytes: Int64, receiptSHA256: Hash) {
        self.sessionID = sessionID
        self.execID = execID
        self.inputBytes = inputBytes
        self.receiptSHA256 = receiptSHA256
    }
}

/// A command ended as `result` says.
public struct FinishExec: Sendable {
    public var sessionID: SessionID
    public var result: SessionExecuted

    public init(sessionID: SessionID, result: SessionExecuted) {
        self.sessionID = sessionID
        self.result = result
    }
}

/// The public key for a session's proof. Refused with `conflict` when its name is taken: wait for the next second.
public struct PublishVerificationKey: Sendable {
    public var sessionID: SessionID
    /// The second in which the session was destroyed.
    public var destroyedAt: Timestamp
    /// `base64:` and the DER SubjectPublicKeyInfo.
    public var publicKey: String

    public init(sessionID: SessionID, destroyedAt: Timestamp, publicKey: String) {
        self.sessionID = sessionID
        self.destroyedAt = destroyedAt
        self.publicKey = publicKey
    }
}

/// A session's measured end with its proof, in one commit.
public struct EndSession: Sendable {
    public var sessionID: SessionID
    /// The whole destruction proof; who, when and why are taken from it.
    public var proof: JSONObject

    public init(sessionID: SessionID, proof: JSONObject) {
        self.sessionID = sessionID
        self.proof = proof
    }
}

/// A session's end that nobody could measure whole.
public struct ExpireUnclean: Sendable {
    public var sessionID: SessionID
    public var reason: UncleanReason
    /// The step of the destruction that failed, 1…8.
    public var failedStep: Int64?
    /// Plain names with counts and truth values.
    public var known: JSONObject

    public init(sessionID: SessionID, reason: UncleanReason, failedStep: Int64? = nil, known: JSONObject = JSONObject())
    {
        self.sessionID = sessionID
        self.reason = reason
        self.failedStep = failedStep
        self.known = known
    }
}
