import CanonicalJSON
import Crypto
import EventStore
import Foundation
import Ledger
import Logging
import Merkle
import Projections
import Vault

/// Where plans are paid for. The ledger decides what follows from a payment; this asks Stripe, and listens to it.
struct BillingService: Sendable {
    let stripe: StripeConfiguration
    /// Nil where no secret key is configured.
    let client: StripeClient?
    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let secrets: MemberSecrets
    /// Where Stripe sends the payer back to when nothing else is configured.
    let ownURL: String
    let logger: Logger

    /// A page on which the caller's account can be put on `tier`.
    ///
    /// - Parameter idempotent: what the request is repeated with; Stripe then gives the same page.
    /// - Throws: `notSupported` saying what to configure; what the ledger refuses; `unavailable`.
    func checkout(
        _ tier: Tier, by caller: Principal, idempotent: IdempotentRequest?, trace: String
    ) async throws(APIError) -> String {
        guard let client else { throw .billingNotConfigured("NRX_STRIPE_SECRET_KEY") }
        // What the ledger would refuse must not open a page to pay on.
        let command = StartCheckout(customerID: caller.customerID, tier: tier)
        try ledger.check(.startCheckout(command), as: caller.actor, trace: trace)
        guard let price = stripe.prices[tier] else {
            throw .billingNotConfigured("--stripe-price \(tier.rawValue)=price_…")
        }
        let customer = try reads.reading { () throws(ProjectionError) in try reads.store.customer(caller.customerID) }
        guard let customer else { throw .unauthorized }
        let back = stripe.returnURL ?? ownURL
        let separator = back.contains("?") ? "&" : "?"
        let page = StripeClient.Checkout(
            customerID: caller.customerID.text, email: try await secrets.email(of: customer), tier: tier.rawValue,
            price: price, successURL: back + separator + "checkout=success",
            cancelURL: back + separator + "checkout=cancelled")
        let key = idempotent.map { Hash(of: $0.keySHA256.bytes + $0.requestSHA256.bytes).hex } ?? trace
        return try await client.create(page, idempotencyKey: key)
    }

    /// Takes a webhook.
    ///
    /// - Returns: whether anything changed: what is known, overtaken or about nobody here changes nothing.
    /// - Throws: `badRequest` when it is not signed; `unavailable` when Stripe should send it again.
    func receive(_ body: [UInt8], signature: String?, trace: String) async throws(APIError) -> Bool {
        guard !stripe.webhookSecrets.isEmpty else { throw .billingNotConfigured("NRX_STRIPE_WEBHOOK_SECRET") }
        try StripeSignature(signature).verify(body, secrets: stripe.webhookSecrets, now: ledger.now())
        let value: JSONValue
        do { value = try JSONReader.read(body, numbers: .ieee754) } catch {
            throw APIError(.badRequest, "The webhook is not valid JSON: \(error).")
        }
        guard let event = try StripeEvent.read(value, prices: stripe.prices) else { return false }
        return try await record(event, trace: trace)
    }

    private func record(_ event: StripeEvent, trace: String) async throws(APIError) -> Bool {
        let hash = Hash(of: Array(event.subscription.utf8))
        let customer = ledger.read { state in
            state.customer(subscriptionSHA256: hash) ?? event.customerID.flatMap { state.customer($0) }
        }
        guard let customer else {
            logger.notice("a payment event of nobody here", metadata: ["trace": .string(trace)])
            return false
        }
        var command = RecordSubscription(
            customerID: customer.id, eventSHA256: Hash(of: Array(event.id.utf8)), eventCreated: event.created,
            subscriptionSHA256: hash, sealedSubscription: "", news: event.news, tier: event.tier)
        if let known = customer.subscription, known.idSHA256 == hash {
            command.sealedSubscription = known.sealedID
        } else {
            command.sealedSubscription = try await seal(event.subscription, hash, of: customer.id)
        }
        do throws(APIError) {
            try ledger.check(.recordSubscription(command), as: .system, trace: trace)
            // Whoever buys another plan pays for one: the subscription before ends first, or Stripe asks again.
            if let before = customer.subscription, before.idSHA256 != hash, before.isAlive {
                try await cancel(before, of: customer.id)
            }
            _ = try await ledger.perform(.recordSubscription(command), as: .system, trace: trace)
            return true
        } catch {
            guard error.code == .conflict || error.code == .notFound else { throw error }
            return false
        }
    }

    /// Before an account is erased: nobody pays for what is no more.
    func cancelSubscription(of id: CustomerID) async throws(APIError) {
        guard let subscription = ledger.read({ $0.customer(id)?.subscription }), subscription.isAlive else { return }
        try await cancel(subscription, of: id)
    }

    private func cancel(_ subscription: SubscriptionRecord, of id: CustomerID) async throws(APIError) {
        guard let client else { throw .billingNotConfigured("NRX_STRIPE_SECRET_KEY") }
        let name: String
        do throws(VaultError) {
            name = try await vault.open(
                subscription.sealedID, customerID: id.text, context: Self.context(subscription.idSHA256),
                field: SealedField.subscription)
        } catch { throw APIError(.internalError, "A sealed subscription cannot be opened: \(error)") }
        try await client.cancel(subscription: name)
    }

    private func seal(_ name: String, _ hash: Hash, of id: CustomerID) async throws(APIError) -> String {
        do throws(VaultError) {
            return try await vault.seal(
                name, customerID: id.text, context: Self.context(hash), field: SealedField.subscription)
        } catch { throw APIError(vault: error) }
    }

    /// A subscription keeps its sealed id through many events, so it is bound to itself and not to one of them.
    private static func context(_ hash: Hash) -> String { "subscription/" + hash.hex }

    // MARK: - Graces

    /// Ends graces that are over until the task is cancelled.
    func runGraces() async {
        while !Task.isCancelled {
            await endGraces()
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Puts those on the free plan whose grace is over now. They are in the ledger, so a restart forgets none.
    func endGraces() async {
        let now = ledger.now()
        for id in ledger.read({ $0.overdueCustomers(at: now) }) {
            do throws(APIError) {
                _ = try await ledger.perform(.endGrace(id), as: .system, trace: "grace")
            } catch {
                // A payment came at this very moment, or the log cannot write, which the health check reports.
                logger.warning(
                    "a grace was not ended",
                    metadata: ["customer_id": .string(id.text), "error": .string(error.message)])
            }
        }
    }
}

extension APIError {
    static func billingNotConfigured(_ what: String) -> APIError {
        APIError(.notSupported, "Billing is not configured on this server. The operator must set \(what).")
    }
}
