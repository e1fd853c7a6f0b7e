import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `/v1/customers/me`: account, usage and limits; what the account says of itself; its erasure.
struct AccountRoutes: Sendable {
    let reads: ReadModel
    let ledger: LedgerService
    let secrets: MemberSecrets
    let signIns: SignInService
    let erasure: AccountErasure

    var routes: [Route] {
        [
            Route(
                .get, "/v1/customers/me", .key(.accountRead),
                immediate: ImmediateAnswer(
                    isReady: { caller in caller.map { secrets.canOpenAtOnce(of: $0.customerID) } ?? false },
                    answer: showAtOnce), handler: show),
            Route(.patch, "/v1/customers/me", .key(.accountWrite), bodyBytesMax: 16_384, handler: change),
            Route(.delete, "/v1/customers/me", .key(.accountWrite), bodyBytesMax: 16_384, handler: erase),
        ]
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        .json(.object(try await body(for: try exchange.caller())))
    }

    /// While the customer's data key is in memory, as it is for who calls often.
    private func showAtOnce(_ exchange: Exchange) throws(APIError) -> APIResponse? {
        let facts = try facts(of: try exchange.caller())
        guard let opened = try secrets.openAtOnce(facts.account.customer) else { return nil }
        return .json(.object(body(facts, email: opened.email, organisation: opened.organisation)))
    }

    private func change(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        try await AccountChange(ledger: ledger, secrets: secrets).perform(members, by: caller, trace: exchange.trace)
        return .json(.object(try await body(for: caller)))
    }

    /// The account's id must be written out, and whoever is signed in gives their password too: a session that somebody
    /// left open, or a script with the wrong key, must not be enough.
    private func erase(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        guard try members.string("confirm") == caller.customerID.text else {
            throw APIError(
                .badRequest,
                "This erases the account for ever. To confirm, send its id: {\"confirm\":\"\(caller.customerID)\"}.",
                field: "confirm")
        }
        if caller.memberID != nil {
            try await signIns.confirm(caller, try members.requiredString("password"), field: "password")
        }
        let erased = try await erasure.erase(caller.customerID, as: caller.actor, trace: exchange.trace)
        var response = APIResponse.json(AccountAnswer.body(of: erased))
        response.headers = [AccessCookie.noStore]
        if caller.memberID != nil { response.headers.append(("Set-Cookie", AccessCookie.cleared)) }
        return response
    }

    /// An account but for what is sealed of it.
    private struct Facts {
        let caller: Principal
        let account: AccountView
        let cycle: BillingCycle
        let subscription: SubscriptionRecord?
    }

    private func facts(of caller: Principal) throws(APIError) -> Facts {
        // The ledger's own month: it never goes back, whatever happens to the clock.
        let now = ledger.now()
        let (cycle, subscription) = ledger.read { state in
            (state.cycle.advanced(to: now), state.customer(caller.customerID)?.subscription)
        }
        return Facts(
            caller: caller, account: try reads.account(of: caller, cycle: cycle), cycle: cycle,
            subscription: subscription)
    }

    private func body(for caller: Principal) async throws(APIError) -> JSONObject {
        let facts = try facts(of: caller)
        return body(
            facts, email: try await secrets.email(of: facts.account.customer),
            organisation: try await secrets.organisation(of: facts.account.customer))
    }

    private func body(_ facts: Facts, email: String, organisation: String?) -> JSONObject {
        let (caller, account) = (facts.caller, facts.account)
        let customer = account.customer
        let plan = Plan.of(customer.tier)
        return JSONObject(inOrder: [
            "api_key_prefix": account.keyDisplay.map { .string($0) } ?? .null,
            "billing_cycle_start": .string(facts.cycle.start.secondsText),
            "cdp_limit": AccountAnswer.limit(plan.proofsPerMonth),
            "cdps_this_cycle": .integer(account.cycle.proofs),
            "customer_id": .string(customer.id.text),
            "email": .string(email),
            // What belongs to test data is marked wherever it is shown.
            "environment": caller.environment == .test ? .string(caller.environment.rawValue) : nil,
            "jurisdiction": .string(customer.jurisdiction.rawValue),
            "organisation": organisation.map { .string($0) },
            "rate_limit_rpm": AccountAnswer.limit(plan.requestsPerMinute(of: caller.key?.prefix ?? .nanorixLive)),
            "sessions_limit": AccountAnswer.limit(plan.concurrentSessions),
            "sessions_used": .integer(account.liveSessions),
            "subscription": facts.subscription.map(AccountAnswer.body),
            "tier": .string(customer.tier.rawValue),
        ])
    }
}

/// What accounts are answered with.
enum AccountAnswer {
    static func body(of erased: AccountErasure.Erased) -> JSONValue {
        [
            "customer_id": .string(erased.customerID.text), "status": "erased",
            "erased_at": .string(erased.at.secondsText), "cdps": .array(erased.proofs),
        ]
    }

    static func body(of subscription: SubscriptionRecord) -> JSONValue {
        [
            "status": .string(subscription.status.rawValue), "tier": .string(subscription.tier.rawValue),
            "grace_ends_at": subscription.graceEndsAt.map { .string($0.secondsText) } ?? .null,
        ]
    }

    /// A limit that does not exist is null.
    static func limit(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
}

/// What an organisation is called.
struct OrganisationName: Sendable {
    let text: String

    init(_ text: String) throws(APIError) {
        guard (1...200).contains(text.count), text.utf8.count <= 800,
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw APIError(
                .badRequest,
                "`organisation` must have 1 to 200 characters, none of them a control character, or be null.",
                field: "organisation")
        }
        self.text = text
    }
}
