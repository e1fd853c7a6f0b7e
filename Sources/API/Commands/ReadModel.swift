import Proofs
import EventStore
import Ledger
import Projections

/// What requests may read, each caller its own: the projections behind the rule that what is not yours is not there.
struct ReadModel: Sendable {
    let store: ProjectionStore

    /// The caller's session, dead or alive.
    ///
    /// - Throws: `notFound`, the same for "not yours", "of the other environment" and "not there".
    func session(_ id: SessionID, for caller: Principal) throws(APIError) -> SessionView {
        let session = try reading { () throws(ProjectionError) in
            try store.session(id, of: caller.customerID, in: caller.environment)
        }
        guard let session else { throw .sessionNotFound }
        return session
    }

    /// The canonical text of the proof of the caller's session, or nil.
    func proof(of id: SessionID, for caller: Principal) throws(APIError) -> String? {
        try reading { () throws(ProjectionError) in
            try store.proofDocument(of: id, customer: caller.customerID, in: caller.environment)
        }
    }

    /// Where the events of the proof of the caller's session, and of its key, stand in the log; nil without a proof.
    func proofPlaces(
        of id: SessionID, for caller: Principal
    ) throws(APIError) -> (proof: UInt64, verificationKey: UInt64)? {
        try reading { () throws(ProjectionError) in
            try store.proofPlaces(of: id, customer: caller.customerID, in: caller.environment)
        }
    }

    /// The public key of a proof; anyone may know it.
    func verificationKey(_ id: String) throws(APIError) -> VerificationKeyView? {
        try reading { () throws(ProjectionError) in try store.verificationKey(id) }
    }

    /// Whether this ledger published that key under that name. False as well when the projections cannot be read.
    func hasPublished(_ id: String, _ publicKey: String) -> Bool {
        do throws(ProjectionError) { return try store.verificationKey(id)?.publicKey == publicKey } catch {
            return false
        }
    }

    /// The caller's account with what it used in `cycle`.
    func account(of caller: Principal, cycle: BillingCycle) throws(APIError) -> AccountView {
        let account = try reading { () throws(ProjectionError) in
            try store.account(caller.customerID, in: caller.environment, cycle: cycle, key: caller.keyID)
        }
        guard let account else { throw .unauthorized }
        return account
    }

    /// One of the caller's API keys.
    func apiKey(_ id: KeyID, for caller: Principal) throws(APIError) -> KeyView {
        try apiKey(id, of: caller.customerID, in: caller.environment)
    }

    /// An API key of a customer.
    func apiKey(_ id: KeyID, of customer: CustomerID, in environment: KeyEnvironment) throws(APIError) -> KeyView {
        let key = try reading { () throws(ProjectionError) in try store.key(id, of: customer, in: environment) }
        guard let key else { throw .apiKeyNotFound }
        return key
    }

    /// The caller's API keys, newest first, revoked ones included.
    func apiKeys(for caller: Principal, _ page: PageRequest) throws(APIError) -> Page<KeyView> {
        var after: KeyID?
        if let text = page.startingAfter {
            guard let id = KeyID(text), try has(id, caller) else { throw .unknownCursor }
            after = id
        }
        return try reading { () throws(ProjectionError) in
            try store.keys(of: caller.customerID, in: caller.environment, after: after, limit: page.limit)
        }
    }

    /// The caller's API keys with one prefix, newest first. A test key sees none of the dialects that have live keys only.
    func apiKeys(
        for caller: Principal, prefix: KeyPrefix, withoutRevoked: Bool, _ page: PageRequest
    ) throws(APIError) -> Page<KeyView> {
        var after: KeyID?
        if let text = page.startingAfter {
            guard let id = KeyID(text) ?? KeyID.uuid(text), try has(id, caller) else { throw .unknownCursor }
            after = id
        }
        guard caller.environment == prefix.environment else { return .empty }
        return try reading { () throws(ProjectionError) in
            try store.keys(
                of: caller.customerID, prefix: prefix, withoutRevoked: withoutRevoked, after: after, limit: page.limit)
        }
    }

    private func has(_ id: KeyID, _ caller: Principal) throws(APIError) -> Bool {
        try reading { () throws(ProjectionError) in
            try store.key(id, of: caller.customerID, in: caller.environment) != nil
        }
    }

    /// Whether the projections answer at all.
    func canRead() -> Bool {
        do throws(ProjectionError) {
            _ = try store.rememberedAnswer(at: 0)
            return true
        } catch { return false }
    }

    /// The caller's sessions, newest first; those older than `startingAfter`.
    func sessions(for caller: Principal, startingAfter: SessionID?, limit: Int) throws(APIError) -> [SessionView] {
        try reading { () throws(ProjectionError) in
            try store.sessions(
                of: caller.customerID, in: caller.environment, startingAfter: startingAfter, limit: limit)
        }
    }

    /// The caller's proofs, newest first; those older than that of `startingAfter`.
    func proofs(for caller: Principal, startingAfter: SessionID?, limit: Int) throws(APIError) -> [ProofView] {
        try reading { () throws(ProjectionError) in
            try store.proofs(of: caller.customerID, in: caller.environment, startingAfter: startingAfter, limit: limit)
        }
    }

    /// What the caller used on each day from `first` to `last`.
    func dailyUsage(of caller: Principal, from first: Timestamp, through last: Timestamp) throws(APIError)
        -> [UsageView]
    {
        try reading { () throws(ProjectionError) in
            try store.dailyUsage(
                of: caller.customerID, in: caller.environment, from: first.dayText, through: last.dayText)
        }
    }

    /// What the caller used in each billing cycle that `first` to `last` touches.
    func cycleUsage(of caller: Principal, from first: Timestamp, through last: Timestamp) throws(APIError)
        -> [UsageView]
    {
        try reading { () throws(ProjectionError) in
            try store.cycleUsage(
                of: caller.customerID, in: caller.environment, from: BillingCycle(holding: first).text,
                through: BillingCycle(holding: last).text)
        }
    }

    /// What happened in the caller's session, oldest first, after the event `after`.
    func timeline(of id: SessionID, for caller: Principal, after: UInt64?, limit: Int) throws(APIError) -> [EventView] {
        try reading { () throws(ProjectionError) in
            try store.timeline(
                of: id, customer: caller.customerID, in: caller.environment, after: after, limit: limit)
        }
    }

    /// What happened to the caller's customer, oldest first, after the event `after`.
    func feed(for caller: Principal, after: UInt64?, limit: Int) throws(APIError) -> [EventView] {
        try reading { () throws(ProjectionError) in
            try store.feed(of: caller.customerID, in: caller.environment, after: after, limit: limit)
        }
    }

    func reading<R>(_ body: () throws(ProjectionError) -> R) throws(APIError) -> R {
        do throws(ProjectionError) { return try body() } catch {
            throw APIError(.internalError, "The projections cannot be read: \(error)")
        }
    }
}

extension APIError {
    static let sessionNotFound = APIError(.notFound, "Session not found. Check the id and the key it is asked with.")
    static let unknownCursor = APIError(
        .badRequest, "`starting_after` must be the id of the last row of the page before.", field: "starting_after")
    static let apiKeyNotFound = APIError(.notFound, "API key not found. Check the id.")
}
