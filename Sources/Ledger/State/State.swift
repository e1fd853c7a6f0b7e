public import Proofs
public import EventStore
public import Merkle

/// Everything that the rules need to know: a fold over the events of the log and of nothing else.
///
/// ```swift
/// var state = State()
/// for envelope in log { try state.apply(envelope) }
/// let drafts = try state.decide(command, in: context, using: &generator)
/// ```
///
/// The same log gives the same state on every machine. It holds what is in flight to the disk as soon as that was
/// decided, so limits are exact under any concurrency (CONTRIBUTING.md). A value type without a lock: whoever
/// owns it orders the calls. Memory: about 300 bytes a customer with one key, 100 bytes an ended session.
public struct State: Sendable, Equatable {
    /// The sequence number that the next event must have.
    public internal(set) var position: UInt64 = 0
    /// What the log's first event says; nil before it.
    public internal(set) var log: LogCreated?
    /// The log's keys so far; nil before the first event.
    public internal(set) var logKeys: LogKeyHistory?
    /// The month that is counted in now.
    public internal(set) var cycle = BillingCycle(holding: Timestamp(microseconds: 0))
    /// Events of types that this program does not know, which were kept and skipped.
    public internal(set) var unknownEvents: UInt64 = 0

    var customers: [CustomerID: CustomerRecord] = [:]
    /// Customers that were erased: their ids are never given again.
    var erased: Set<CustomerID> = []
    /// Every subscription that the payment provider ever named, by the SHA-256 of its id.
    var subscriptions: [Hash: CustomerID] = [:]
    /// When the grace of a customer whose payment failed ends.
    var graces: [CustomerID: Timestamp] = [:]
    var keys: [KeyID: KeyRecord] = [:]
    /// Every secret that any key ever had.
    var secrets: [Hash: SecretRecord] = [:]
    var members: [MemberID: MemberRecord] = [:]
    var invitations: [InvitationID: InvitationRecord] = [:]
    var invitationsByToken: [Hash: InvitationID] = [:]
    var resets: [Hash: MemberID] = [:]
    var signIns: [SignInID: SignInRecord] = [:]
    var sessions: [SessionID: SessionRecord] = [:]
    var ended: [SessionID: EndedSession] = [:]
    var verificationKeys: Set<VerificationKeyID> = []
    var agents: [AgentID: AgentRecord] = [:]
    var backups: [BackupID: BackupEntry] = [:]
    var agentsByName: [AgentName: AgentID] = [:]
    var remembered = RememberedRequests()
    /// The session whose proof must be the next event.
    var awaitingProof: SessionID?

    /// The state before the first event.
    public init() {}
}

extension State {
    /// The customer called `id`, or nil.
    public func customer(_ id: CustomerID) -> CustomerRecord? { customers[id] }

    /// Whether `id` was a customer and was erased.
    public func isErased(_ id: CustomerID) -> Bool { erased.contains(id) }

    /// Whose the subscription is whose id at the payment provider has this SHA-256; nil when it is not known, or its
    /// customer was erased.
    public func customer(subscriptionSHA256: Hash) -> CustomerRecord? {
        subscriptions[subscriptionSHA256].flatMap { customers[$0] }
    }

    /// The customers whose grace after a failed payment is over at `time`, in no order.
    public func overdueCustomers(at time: Timestamp) -> [CustomerID] {
        graces.filter { $0.value <= time }.map(\.key)
    }

    /// The API key called `id`, or nil.
    public func key(_ id: KeyID) -> KeyRecord? { keys[id] }

    /// The API key of which this is, or was, the SHA-256 of a whole text, or nil.
    public func key(secretSHA256: Hash) -> KeyRecord? { secrets[secretSHA256].flatMap { keys[$0.keyID] } }

    /// Why a request with the key whose whole text has this SHA-256 is refused, or nil when it is accepted. The month's
    /// requests are not looked at.
    public func refusal(secretSHA256: Hash, from address: InternetAddress?, at time: Timestamp) -> KeyRefusal? {
        guard let secret = secrets[secretSHA256], let key = keys[secret.keyID] else { return .unknown }
        return key.refusal(secretEndsAt: secret.endsAt, from: address, at: time)
    }

    /// The session called `id` if it is alive.
    public func liveSession(_ id: SessionID) -> SessionRecord? { sessions[id] }

    /// Every session that is alive, in no order.
    public var liveSessions: some Collection<SessionRecord> { sessions.values }

    /// What is kept of the session called `id` if it has ended.
    public func endedSession(_ id: SessionID) -> EndedSession? { ended[id] }

    /// The ids of all customers, in no order.
    public var customerIDs: some Collection<CustomerID> { customers.keys }

    /// Whether `id` names a published verification key.
    public func isTaken(_ id: VerificationKeyID) -> Bool { verificationKeys.contains(id) }

    /// How many of each there are: customers, API keys, live and ended sessions, verification keys.
    public var counts: (customers: Int, keys: Int, liveSessions: Int, endedSessions: Int, verificationKeys: Int) {
        (customers.count, keys.count, sessions.count, ended.count, verificationKeys.count)
    }

    /// Whether the log may end here: not between a session's end and its proof, which are one commit.
    public var isComplete: Bool { awaitingProof == nil }

    /// Keys of `customer` that are accepted at `time` and begin with `prefix`.
    public func activeKeys(of customer: CustomerID, prefix: KeyPrefix, at time: Timestamp) -> Int {
        guard let customer = customers[customer] else { return 0 }
        return customer.keys.count { id in
            keys[id].map { $0.prefix == prefix && $0.isActive(at: time) } ?? false
        }
    }
}
