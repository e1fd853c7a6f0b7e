import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Vault

/// `/api/v1/settings`: the account's settings.
struct NurosentrixSettingsRoutes: Sendable {
    let reads: ReadModel
    let ledger: LedgerService
    let vault: Vault

    private static let path = "/api/v1/settings"

    var routes: [Route] {
        [
            Route(.get, Self.path, .key(.accountRead), handler: show),
            Route(.patch, Self.path, .key(.accountWrite), bodyBytesMax: 16_384, handler: refuse),
        ]
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let now = ledger.now()
        let cycle = ledger.read { $0.cycle.advanced(to: now) }
        let customer = try reads.account(of: caller, cycle: cycle).customer
        let email: String
        do throws(VaultError) {
            email = try await vault.open(
                customer.sealedEmail, customerID: caller.customerID.text, context: customer.eventID,
                field: SealedField.email)
        } catch { throw .internalError }
        return NurosentrixAnswer.one([
            "account_id": .string(caller.customerID.text), "email": .string(email),
            "plan": .string(customer.tier.rawValue), "jurisdiction": .string(customer.jurisdiction.rawValue),
            "environment": .string(caller.environment.rawValue),
        ])
    }

    /// What can be changed of an account is changed in one place.
    private func refuse(_ exchange: Exchange) throws(APIError) -> APIResponse {
        _ = try exchange.members()
        throw APIError(
            .notSupported,
            "Settings are not changed here: organisation and jurisdiction are, with PATCH /v1/customers/me.")
    }
}
