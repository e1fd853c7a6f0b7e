import CanonicalJSON
import EventStore
import Ledger
import Projections
import Vault

/// `GET /v1/customers/me`: account, usage and limits.
struct AccountRoutes: Sendable {
    let store: ProjectionStore
    let vault: Vault
    let now: @Sendable () -> Timestamp

    var routes: [Route] { [Route(.get, "/v1/customers/me", .key(.accountRead)) { try show($0) }] }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        guard let account = try store.account(caller.customerID, at: now()), let key = store.keys.key(caller.keyID) else {
            throw .unauthorized
        }
        let plan = Plan.of(account.tier)
        let email: String
        do throws(VaultError) {
            email = try vault.open(
                account.sealedEmail, customerID: caller.customerID.text, context: SealedField.email)
        } catch { throw .internalError }
        return .json([
            "customer_id": .string(caller.customerID.text), "email": .string(email),
            "tier": .string(account.tier.rawValue), "jurisdiction": .string(account.jurisdiction.rawValue),
            "cdps_this_cycle": .integer(Int64(account.proofsThisCycle)), "cdp_limit": Self.limit(plan.proofsPerMonth),
            "sessions_used": .integer(Int64(account.sessionsUsed)),
            "sessions_limit": Self.limit(plan.concurrentSessions),
            "rate_limit_rpm": Self.limit(plan.requestsPerMinute(of: key.prefix)),
            "billing_cycle_start": .string(BillingCycle(holding: now()).start.secondsText),
            "api_key_prefix": .string(key.display),
        ])
    }

    /// A limit that does not exist is null.
    private static func limit(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
}
