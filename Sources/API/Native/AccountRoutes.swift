import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections
import Vault

/// `GET /v1/customers/me`: account, usage and limits.
struct AccountRoutes: Sendable {
    let reads: ReadModel
    let vault: Vault
    let ledger: LedgerService

    var routes: [Route] { [Route(.get, "/v1/customers/me", .key(.accountRead), handler: show)] }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        // The ledger's own month: it never goes back, whatever happens to the clock.
        let now = ledger.now()
        let cycle = ledger.read { $0.cycle.advanced(to: now) }
        let account = try reads.account(of: caller, cycle: cycle)
        var key: KeyView?
        if let keyID = caller.keyID { key = try reads.apiKey(keyID, for: caller) }
        let customer = account.customer
        let plan = Plan.of(customer.tier)
        let email: String
        do throws(VaultError) {
            email = try await vault.open(
                customer.sealedEmail, customerID: caller.customerID.text,
                context: customer.eventID, field: SealedField.email)
        } catch { throw .internalError }
        let body: JSONValue = [
            "customer_id": .string(caller.customerID.text), "email": .string(email),
            "tier": .string(customer.tier.rawValue), "jurisdiction": .string(customer.jurisdiction.rawValue),
            "cdps_this_cycle": .integer(account.cycle.proofs), "cdp_limit": Self.limit(plan.proofsPerMonth),
            "sessions_used": .integer(account.liveSessions),
            "sessions_limit": Self.limit(plan.concurrentSessions),
            "rate_limit_rpm": Self.limit(plan.requestsPerMinute(of: key?.prefix ?? .nanorixLive)),
            "billing_cycle_start": .string(cycle.start.secondsText),
            "api_key_prefix": key.map { .string($0.display) } ?? .null,
        ]
        // What belongs to test data is marked wherever it is shown.
        guard caller.environment == .test, var marked = body.object else { return .json(body) }
        marked["environment"] = .string(caller.environment.rawValue)
        return .json(.object(marked))
    }

    /// A limit that does not exist is null.
    private static func limit(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
}
