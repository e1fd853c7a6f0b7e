import EventStore
import Ledger
import Projections
import Proofs

/// API keys as every dialect manages them: a dialect only maps names. The rules are the ledger's.
struct KeyManagement: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    let meter: RequestMeter

    /// What a new key is asked to be.
    struct Wish: Sendable {
        var name: String
        var prefix: KeyPrefix
        /// Nil for all that the caller may do.
        var permissions: Permissions?
        var expiresAt: Timestamp?
        var allowedAddresses: [AddressRange] = []
        var monthlyLimit: Int64?
        /// A plan up to the customer's whose monthly number binds the key.
        var tier: Tier?
    }

    /// A key as its owner sees it.
    struct ManagedKey: Sendable {
        let view: KeyView
        /// Requests made in this month (UTC), exact but for those that are being counted right now.
        let requestsThisMonth: Int64
        /// The lower of the key's own limit and the plan's; nil for none.
        let monthlyLimit: Int64?
        let status: Status

        enum Status: String, Sendable { case active, expired, revoked }
    }

    /// A key whose whole text was just made: shown in this one answer, kept nowhere.
    struct RevealedKey: Sendable {
        let key: ManagedKey
        let text: String
    }

    func list(_ page: PageRequest, for caller: Principal) throws(APIError) -> Page<KeyView> {
        try reads.apiKeys(for: caller, page)
    }

    /// The caller's keys of one dialect.
    func list(
        _ prefix: KeyPrefix, withoutRevoked: Bool, _ page: PageRequest, for caller: Principal
    ) throws(APIError) -> Page<KeyView> {
        try reads.apiKeys(for: caller, prefix: prefix, withoutRevoked: withoutRevoked, page)
    }

    /// All of the caller's keys of one dialect that were not revoked, newest first.
    func listAll(_ prefix: KeyPrefix, for caller: Principal) throws(APIError) -> [KeyView] {
        var all: [KeyView] = []
        while true {
            let page = try list(
                prefix, withoutRevoked: true,
                PageRequest(limit: PageRequest.limitMax, startingAfter: all.last?.id.text), for: caller)
            all += page.rows
            guard page.hasMore, !page.rows.isEmpty else { return all }
        }
    }

    func show(_ id: KeyID, for caller: Principal) throws(APIError) -> ManagedKey {
        managed(try reads.apiKey(id, for: caller))
    }

    /// How a route remembers its answer together with the event: the rendered key, made from what was decided.
    typealias Remember = @Sendable (@escaping @Sendable ([EventDraft]) -> RevealedKey?) -> Idempotency?

    /// Makes a key of the caller's customer.
    func create(
        _ wish: Wish, by caller: Principal, trace: String, remember: Remember
    ) async throws(APIError) -> RevealedKey {
        let key = try NewAPIKey(
            prefix: wish.prefix, name: wish.name, permissions: wish.permissions ?? caller.permissions)
        var issued = key.issued
        issued.expiresAt = wish.expiresAt
        issued.allowedAddresses = wish.allowedAddresses
        issued.monthlyLimit = wish.monthlyLimit
        let tier = ledger.read { $0.customer(caller.customerID)?.tier } ?? .free
        let planLimit = Plan.of(tier).requestsPerMonth(of: wish.prefix).map(Int64.init)
        let text = key.text
        let reveal: @Sendable ([EventDraft]) -> RevealedKey? = { events in
            guard let event = events.first, case .keyIssued(let issued)? = LedgerEvent(reading: event) else {
                return nil
            }
            let managed = ManagedKey(
                view: KeyView(issued: issued, at: event.at), requestsThisMonth: 0,
                monthlyLimit: [issued.monthlyLimit, planLimit].compactMap { $0 }.min(), status: .active)
            return RevealedKey(key: managed, text: text)
        }
        let outcome = try await ledger.perform(
            .issueKey(IssueKey(customerID: caller.customerID, key: issued, tier: wish.tier)), as: caller.actor,
            trace: trace,
            idempotency: remember(reveal))
        guard let revealed = reveal(outcome.events.map(\.event)) else { throw .internalError }
        return revealed
    }

    /// Renames a key, or binds it otherwise.
    func change(_ command: ChangeKey, by caller: Principal, trace: String) async throws(APIError) -> ManagedKey {
        _ = try await ledger.perform(.changeKey(command), as: caller.actor, trace: trace)
        return try show(command.keyID, for: caller)
    }

    /// Gives a key a new secret under the same id; the one before ends at once or after `graceSeconds`.
    func rotate(
        _ id: KeyID, graceSeconds: Int64, by caller: Principal, trace: String, remember: Remember
    ) async throws(APIError) -> RevealedKey {
        // The prefix of the new secret is the key's; of a key that is not there nothing is made.
        let before = try show(id, for: caller)
        let secret = try NewAPIKey.secret(prefix: before.view.prefix)
        let command = RotateKey(
            keyID: id, display: secret.displayPrefix, secretSHA256: secret.storedHash, graceSeconds: graceSeconds)
        let text = secret.text
        let reveal: @Sendable ([EventDraft]) -> RevealedKey? = { events in
            guard let event = events.first, case .keyRotated(let rotated)? = LedgerEvent(reading: event) else {
                return nil
            }
            let managed = ManagedKey(
                view: before.view.rotated(by: rotated, at: event.at), requestsThisMonth: before.requestsThisMonth,
                monthlyLimit: before.monthlyLimit, status: before.status)
            return RevealedKey(key: managed, text: text)
        }
        let outcome = try await ledger.perform(
            .rotateKey(command), as: caller.actor, trace: trace, idempotency: remember(reveal))
        guard let revealed = reveal(outcome.events.map(\.event)) else { throw .internalError }
        return revealed
    }

    /// Ends a key for ever. The answer comes when the revocation can be read: no request that begins after it is let in.
    func revoke(_ id: KeyID, by caller: Principal, trace: String) async throws(APIError) -> ManagedKey {
        _ = try await ledger.perform(.revokeKey(RevokeKey(keyID: id)), as: caller.actor, trace: trace)
        return try show(id, for: caller)
    }

    /// The key with what only the running server knows of it.
    func managed(_ view: KeyView) -> ManagedKey {
        let now = ledger.now()
        // In this order a request that is counted in between shows as used, never as less than nothing.
        let unused = meter.unused(of: view.id)
        let reserved = view.requests(in: BillingCycle(holding: now))
        let status: ManagedKey.Status =
            view.revokedAt != nil ? .revoked : view.expiresAt.map { now >= $0 } ?? false ? .expired : .active
        return ManagedKey(
            view: view, requestsThisMonth: max(0, reserved - unused),
            monthlyLimit: reads.store.keys.find(view.id)?.requestsPerMonth, status: status)
    }
}
