import CanonicalJSON
import EventStore
import Ledger

/// `/v1/billing/…`: going to pay for a plan, and what Stripe says of payments.
struct BillingRoutes: Sendable {
    let billing: BillingService

    /// Stripe's events are some kilobytes; an invoice with many lines is more.
    private static let webhookBytesMax = 1 << 20

    var routes: [Route] {
        [
            Route(
                .post, "/v1/billing/checkout", .key(.accountWrite), bodyBytesMax: 16_384, idempotency: .remembered,
                handler: checkout),
            Route(
                .post, "/v1/billing/webhook", .public, bodyBytesMax: Self.webhookBytesMax, idempotency: .notNeeded,
                handler: receive),
        ]
    }

    private func checkout(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        guard let tier = try exchange.members().choice("tier", Tier.self) else {
            throw APIError(.badRequest, "`tier` is required: starter or business.", field: "tier")
        }
        let url = try await billing.checkout(
            tier, by: caller, idempotent: exchange.idempotent, trace: exchange.trace)
        let answer = APIResponse.json(["checkout_url": .string(url)])
        let command = StartCheckout(customerID: caller.customerID, tier: tier)
        _ = try await billing.ledger.perform(
            .startCheckout(command), as: caller.actor, trace: exchange.trace,
            idempotency: exchange.remembering { _ in answer })
        return answer
    }

    private func receive(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let hasEffect = try await billing.receive(
            exchange.body, signature: exchange.stripeSignature, trace: exchange.trace)
        return .json(["received": true, "ignored": .bool(!hasEffect)])
    }
}
