import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Ledger
import Merkle
import ServerFixtures
import Synchronization
import Testing

@testable import API

/// Paying for plans, against a server that answers as Stripe documents.
@Suite("Billing", .serialized, .timeLimit(.minutes(10)))
struct BillingTests {
    private static let secret = "whsec_test"

    /// A server, a Stripe, and the events that Stripe sends.
    private struct Shop: Sendable {
        let server: TestServer
        let stripe: TestStripe
        private let number = Counter()

        init(server: TestServer, stripe: TestStripe) { (self.server, self.stripe) = (server, stripe) }

        func checkout(_ tier: String, key: String, idempotencyKey: String? = nil) async throws -> Answer {
            try await server.send(
                .post, "/v1/billing/checkout", key: key,
                headers: idempotencyKey.map { [("Idempotency-Key", $0)] } ?? [],
                bytes: Array(#"{"tier":"\#(tier)"}"#.utf8))
        }

        /// Sends an event, signed now.
        func send(_ type: String, _ object: JSONValue, id: String? = nil, created: Int64? = nil) async throws -> Answer
        {
            let seconds = server.clock.now.microseconds / 1_000_000
            let event: JSONValue = [
                "id": .string(id ?? "evt_\(number.next())"), "object": "event", "api_version": "2024-06-20",
                "created": .integer(created ?? seconds), "type": .string(type), "data": ["object": object],
                "livemode": false,
            ]
            let body = event.canonicalBytes
            return try await server.send(
                .post, "/v1/billing/webhook",
                headers: [
                    ("Stripe-Signature", StripeWebhook.header(body, time: seconds, secrets: [BillingTests.secret]))
                ],
                bytes: body)
        }

        /// What Stripe sends when somebody has paid on the page.
        func pay(_ tier: String, customer: String, subscription: String = "sub_1") async throws -> Answer {
            stripe.subscribe(subscription)
            return try await send(
                "checkout.session.completed",
                [
                    "id": "cs_test_1", "object": "checkout.session", "mode": "subscription", "payment_status": "paid",
                    "client_reference_id": .string(customer), "subscription": .string(subscription),
                    "metadata": ["customer_id": .string(customer), "tier": .string(tier)],
                ])
        }

        /// An invoice in the shape of API versions from 2025-03-31 on, or before.
        static func invoice(_ subscription: String = "sub_1", isNew: Bool = false) -> JSONValue {
            isNew
                ? [
                    "id": "in_1", "object": "invoice",
                    "parent": [
                        "type": "subscription_details", "subscription_details": ["subscription": .string(subscription)],
                    ],
                ]
                : ["id": "in_1", "object": "invoice", "subscription": .string(subscription)]
        }

        func account(_ key: String) async throws -> Answer { try await server.send(.get, "/v1/customers/me", key: key) }
    }

    private final class Counter: Sendable {
        private let value = Atomic(0)
        func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    }

    private func with(
        secretKey: String? = TestStripe.secretKey, _ body: @Sendable (Shop) async throws -> Void
    ) async throws {
        let stripe = TestStripe()
        try await stripe.serve { url in
            try await TestServer.with(configure: {
                $0.stripe.secretKey = secretKey
                $0.stripe.webhookSecrets = [Self.secret]
                $0.stripe.prices = [.starter: "price_starter", .business: "price_business"]
                $0.stripe.url = url
                $0.stripe.returnURL = "https://app.example.com/billing?from=stripe"
            }) { server in try await body(Shop(server: server, stripe: stripe)) }
        }
    }

    private func signUp(_ shop: Shop) async throws -> (customer: String, key: String) {
        let answer = try await shop.server.send(.post, "/v1/signup", ["email": "you@company.com"])
        return (try #require(answer["customer_id"]?.string), try #require(answer["api_key"]?.string))
    }

    @Test("\"POST /v1/billing/checkout: Upgrade to a paid tier\": Stripe's page for this customer and this price")
    func checkout() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            let answer = try await shop.checkout("starter", key: key)
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.json == ["checkout_url": "https://checkout.stripe.com/c/pay/cs_test_1"])
            let request = try #require(shop.stripe.requests.first)
            #expect(request.form["client_reference_id"] == customer)
            #expect(request.form["line_items[0][price]"] == "price_starter")
            #expect(request.form["customer_email"] == "you@company.com")
            #expect(request.form["subscription_data[metadata][customer_id]"] == customer)
            #expect(request.form["success_url"] == "https://app.example.com/billing?from=stripe&checkout=success")
            #expect(try await shop.account(key)["tier"] == "free", "nothing is paid yet")
        }
    }

    @Test("a repeat with the same Idempotency-Key gets the same page, and another body a 409")
    func idempotency() async throws {
        try await with { shop in
            let (_, key) = try await signUp(shop)
            let first = try await shop.checkout("starter", key: key, idempotencyKey: "once")
            let again = try await shop.checkout("starter", key: key, idempotencyKey: "once")
            #expect(first.status == 200 && first.body == again.body)
            #expect(shop.stripe.requests.count == 1)
            #expect(try await shop.checkout("business", key: key, idempotencyKey: "once").status == 409)
            let other = try await shop.checkout("starter", key: key, idempotencyKey: "twice")
            #expect(other.status == 200 && other.body != first.body)
            // Were the server to die before it remembers, Stripe itself would know the repeat.
            #expect(Set(shop.stripe.requests.map(\.idempotencyKey)).count == 2)
        }
    }

    @Test(
        "what cannot be bought is refused before Stripe is asked",
        arguments: [("free", 400), ("enterprise", 400), ("gold", 400)])
    func notForSale(tier: String, status: Int) async throws {
        try await with { shop in
            let (_, key) = try await signUp(shop)
            let answer = try await shop.checkout(tier, key: key)
            #expect(answer.status == status && answer["field"] == "tier", "\(answer)")
            let testKey = try await shop.server.issueTestKey(of: key)
            #expect(try await shop.checkout("starter", key: testKey).status == 403)
            #expect(shop.stripe.requests.isEmpty)
        }
    }

    @Test("without a key it is a 501 that says what to configure; while Stripe is down, a 503 and nothing is recorded")
    func unavailable() async throws {
        try await with(secretKey: nil) { shop in
            let (_, key) = try await signUp(shop)
            let answer = try await shop.checkout("starter", key: key)
            #expect(answer.status == 501 && answer["error"] == "NotSupported", "\(answer)")
            #expect(answer["message"]?.string?.contains("NRX_STRIPE_SECRET_KEY") == true)
        }
        for (secretKey, failing) in [
            (TestStripe.secretKey, HTTPResponse.Status.internalServerError), (TestStripe.secretKey, .tooManyRequests),
            ("sk_test_wrong", nil),
        ] as [(String, HTTPResponse.Status?)] {
            try await with(secretKey: secretKey) { shop in
                let (_, key) = try await signUp(shop)
                _ = try await shop.account(key)
                shop.stripe.fail(with: failing)
                try await shop.server.expectStillness {
                    let answer = try await shop.checkout("starter", key: key)
                    #expect(answer.status == 503, "\(answer)")
                }
            }
        }
    }

    @Test("a payment holds from the next request, also for keys that were there before; the id is sealed in the log")
    func upgrade() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            let answer = try await shop.pay("business", customer: customer, subscription: "sub_visible")
            #expect(answer.status == 200 && answer["ignored"] == false, "\(answer)")
            let account = try await shop.account(key)
            #expect(account["tier"] == "business" && account["rate_limit_rpm"] == 300)
            #expect(account["subscription"] == ["status": "active", "tier": "business", "grace_ends_at": .null])
            #expect(try await shop.checkout("business", key: key).status == 409)
            let text = try await shop.server.server.log.read(from: 0)
                .map { String(decoding: $0.event.line(at: $0.sequence), as: UTF8.self) }.joined()
            #expect(!text.contains("sub_visible") && !text.contains("\"evt_1\""))
            let feed = try await shop.server.send(.get, "/v1/events", key: key).text
            #expect(feed.contains("billing.subscription_changed") && !feed.contains("sha256"))
        }
    }

    @Test("the same event twice counts once, and what is about nobody here, unpaid or unknown changes nothing")
    func repeats() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            let page: JSONValue = [
                "mode": "subscription", "payment_status": "paid", "client_reference_id": .string(customer),
                "subscription": "sub_1", "metadata": ["tier": "starter"],
            ]
            var unpaid = try #require(page.object)
            unpaid["payment_status"] = "unpaid"
            var foreign = try #require(page.object)
            foreign["client_reference_id"] = "cust_00000000000000000000000000000000"
            _ = try await shop.account(key)
            try await shop.server.expectStillness {
                for (type, object) in [
                    ("checkout.session.completed", JSONValue.object(unpaid)),
                    ("checkout.session.completed", .object(foreign)), ("product.created", page),
                    ("invoice.payment_failed", Shop.invoice("sub_unknown")),
                    ("customer.subscription.deleted", ["id": "sub_unknown", "status": "canceled"]),
                ] {
                    let answer = try await shop.send(type, object)
                    #expect(answer.status == 200 && answer["ignored"] == true, "\(type): \(answer)")
                }
            }
            #expect(try await shop.send("checkout.session.completed", page, id: "evt_same")["ignored"] == false)
            try await shop.server.expectStillness {
                let answer = try await shop.send("checkout.session.completed", page, id: "evt_same")
                #expect(answer.status == 200 && answer["ignored"] == true)
            }
            #expect(try await shop.account(key)["tier"] == "starter")
        }
    }

    @Test(
        "a failed payment: 7 days of grace, then Free, by a clock that a restart does not stop",
        arguments: [false, true])
    func grace(isNewShape: Bool) async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            _ = try await shop.pay("starter", customer: customer)
            shop.server.clock.advance(seconds: 30 * 86_400)
            let failed = try await shop.send("invoice.payment_failed", Shop.invoice(isNew: isNewShape))
            #expect(failed["ignored"] == false, "\(failed)")
            let account = try await shop.account(key)
            #expect(account["tier"] == "starter")
            #expect(account["subscription"]?["status"] == "past_due")
            #expect(account["subscription"]?["grace_ends_at"] == "2026-04-07T14:00:00Z")
            let billing = shop.server.server.billing
            shop.server.clock.advance(seconds: 7 * 86_400 - 1)
            await billing.endGraces()
            #expect(try await shop.account(key)["tier"] == "starter")
            // What a restart knows: the state folded from the log alone.
            var replayed = State()
            for envelope in try await shop.server.server.log.read(from: 0) { try replayed.apply(envelope) }
            shop.server.clock.advance(seconds: 1)
            #expect(replayed.overdueCustomers(at: shop.server.clock.now).map(\.text) == [customer])
            await billing.endGraces()
            #expect(try await shop.account(key)["tier"] == "free")
            #expect(try await shop.account(key)["subscription"]?["status"] == "unpaid")
            await billing.endGraces()
            let paid = try await shop.send("invoice.paid", Shop.invoice(isNew: isNewShape))
            #expect(paid["ignored"] == false)
            #expect(try await shop.account(key)["tier"] == "starter")
        }
    }

    @Test("another price in Stripe's own portal is another plan, and cancelling there is Free at once")
    func changedAndCancelled() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            _ = try await shop.pay("starter", customer: customer)
            func subscription(_ status: String, _ price: String) -> JSONValue {
                [
                    "id": "sub_1", "object": "subscription", "status": .string(status),
                    "items": ["data": [["price": ["id": .string(price)]]]],
                    "metadata": ["customer_id": .string(customer), "tier": "starter"],
                ]
            }
            _ = try await shop.send("customer.subscription.updated", subscription("active", "price_business"))
            #expect(try await shop.account(key)["tier"] == "business")
            _ = try await shop.send("customer.subscription.updated", subscription("incomplete", "price_starter"))
            #expect(try await shop.account(key)["tier"] == "business")
            _ = try await shop.send("customer.subscription.deleted", subscription("canceled", "price_business"))
            let account = try await shop.account(key)
            #expect(account["tier"] == "free" && account["subscription"]?["status"] == "ended")
        }
    }

    @Test(
        "whoever buys another plan pays for one: the subscription before is cancelled, or the webhook is asked for again"
    )
    func anotherPlan() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            _ = try await shop.pay("starter", customer: customer, subscription: "sub_1")
            shop.stripe.fail(with: .internalServerError)
            #expect(try await shop.pay("business", customer: customer, subscription: "sub_2").status == 503)
            #expect(try await shop.account(key)["tier"] == "starter")
            shop.stripe.fail(with: nil)
            #expect(try await shop.pay("business", customer: customer, subscription: "sub_2")["ignored"] == false)
            #expect(shop.stripe.subscriptions == ["sub_2"])
            #expect(try await shop.account(key)["tier"] == "business")
            let late = try await shop.send("customer.subscription.deleted", ["id": "sub_1", "status": "canceled"])
            #expect(late["ignored"] == true)
            #expect(try await shop.account(key)["tier"] == "business")
        }
    }

    @Test("an account that is erased is not charged any more; while that cannot be said to Stripe, it is not erased")
    func erasure() async throws {
        try await with { shop in
            let (customer, key) = try await signUp(shop)
            _ = try await shop.pay("starter", customer: customer)
            func erase() async throws -> Answer {
                try await shop.server.send(.delete, "/v1/customers/me", key: key, ["confirm": .string(customer)])
            }
            shop.stripe.fail(with: .internalServerError)
            #expect(try await erase().status == 503)
            #expect(try await shop.account(key).status == 200)
            shop.stripe.fail(with: nil)
            #expect(try await erase().status == 200)
            #expect(shop.stripe.subscriptions.isEmpty)
            let late = try await shop.send("customer.subscription.deleted", ["id": "sub_1", "status": "canceled"])
            #expect(late.status == 200 && late["ignored"] == true)
        }
    }
}
