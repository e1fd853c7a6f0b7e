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

    /// The public key of a proof; anyone may know it.
    func verificationKey(_ id: String) throws(APIError) -> VerificationKeyView? {
        try reading { () throws(ProjectionError) in try store.verificationKey(id) }
    }

    /// The caller's account with what it used in `cycle`.
    func account(of caller: Principal, cycle: BillingCycle) throws(APIError) -> AccountView {
        let account = try reading { () throws(ProjectionError) in
            try store.account(caller.customerID, in: caller.environment, cycle: cycle)
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

    private func has(_ id: KeyID, _ caller: Principal) throws(APIError) -> Bool {
        try reading { () throws(ProjectionError) in
            try store.key(id, of: caller.customerID, in: caller.environment) != nil
        }
    }

    private func reading<R>(_ body: () throws(ProjectionError) -> R) throws(APIError) -> R {
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
