import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/v1/settings`: the account's settings.
struct NurosentrixSettingsRoutes: Sendable {
    let reads: ReadModel
    let ledger: LedgerService
    let secrets: MemberSecrets

    private static let path = "/api/v1/settings"
    /// What is shown and set elsewhere, and where.
    private static let readOnly = [
        ("account_id", "It is what the account is."), ("environment", "It is the token's."),
        ("plan", "Plans are changed with POST /v1/billing/checkout."),
    ]

    var routes: [Route] {
        [
            Route(.get, Self.path, .key(.accountRead), handler: show),
            Route(.patch, Self.path, .key(.accountWrite), bodyBytesMax: 16_384, handler: change),
        ]
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        NurosentrixAnswer.one(.object(try await body(for: try exchange.caller())))
    }

    private func change(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        for (name, why) in Self.readOnly where members.present(name) != nil {
            throw APIError(.badRequest, "`\(name)` cannot be changed here. \(why)", field: name)
        }
        try await AccountChange(ledger: ledger, secrets: secrets).perform(members, by: caller, trace: exchange.trace)
        return NurosentrixAnswer.one(.object(try await body(for: caller)))
    }

    private func body(for caller: Principal) async throws(APIError) -> JSONObject {
        let now = ledger.now()
        let cycle = ledger.read { $0.cycle.advanced(to: now) }
        let customer = try reads.account(of: caller, cycle: cycle).customer
        var body = JSONObject()
        body["account_id"] = .string(caller.customerID.text)
        body["email"] = .string(try await secrets.email(of: customer))
        body["organisation"] = try await secrets.organisation(of: customer).map { .string($0) } ?? .null
        body["plan"] = .string(customer.tier.rawValue)
        body["jurisdiction"] = .string(customer.jurisdiction.rawValue)
        body["environment"] = .string(caller.environment.rawValue)
        return body
    }
}
