import CanonicalJSON
import Ledger

/// What an event of Stripe says of a subscription; the shapes of API versions before and after 2025-03-31 alike.
struct StripeEvent: Sendable, Equatable {
    let id: String
    /// Seconds since 1970-01-01 UTC.
    let created: Int64
    let subscription: String
    /// Whom it is for, where the event says.
    let customerID: CustomerID?
    let news: RecordSubscription.News
    /// What is paid for, where the event says.
    let tier: Tier?

    /// - Parameter prices: what each plan's price is called.
    /// - Returns: nil for events that say nothing of a subscription that concerns us.
    /// - Throws: `badRequest` when it is no event at all.
    static func read(_ event: JSONValue, prices: [Tier: String]) throws(APIError) -> StripeEvent? {
        guard let id = event["id"]?.string, let created = event["created"]?.integer,
            let type = event["type"]?.string, let object = event["data"]?["object"], created >= 0
        else {
            throw APIError(.badRequest, "This is not an event of Stripe: `id`, `created`, `type` or `data` is missing.")
        }
        func saying(
            _ subscription: String?, _ customer: JSONValue?, _ news: RecordSubscription.News?, _ tier: Tier? = nil
        ) -> StripeEvent? {
            guard let subscription, let news else { return nil }
            return StripeEvent(
                id: id, created: created, subscription: subscription,
                customerID: customer?.string.flatMap(CustomerID.init), news: news, tier: tier)
        }
        switch type {
        case "checkout.session.completed", "checkout.session.async_payment_succeeded":
            let isPaid = ["paid", "no_payment_required"].contains(object["payment_status"]?.string)
            return saying(
                reference(object["subscription"]), object["client_reference_id"],
                object["mode"] == "subscription" && isPaid ? .paid : nil, tier(in: object["metadata"]))
        case "customer.subscription.created", "customer.subscription.updated":
            return saying(
                object["id"]?.string, object["metadata"]?["customer_id"], news(of: object),
                tier(of: object, prices: prices))
        case "customer.subscription.deleted":
            return saying(
                object["id"]?.string, object["metadata"]?["customer_id"], end(of: object),
                tier(of: object, prices: prices))
        case "invoice.paid", "invoice.payment_succeeded":
            return saying(subscription(ofInvoice: object), customer(ofInvoice: object), .paid)
        case "invoice.payment_failed":
            return saying(subscription(ofInvoice: object), customer(ofInvoice: object), .paymentFailed)
        default: return nil
        }
    }

    private static func news(of subscription: JSONValue) -> RecordSubscription.News? {
        switch subscription["status"]?.string {
        case "active", "trialing": .paid
        case "past_due", "unpaid": .paymentFailed
        case "canceled": end(of: subscription)
        // `incomplete`, `incomplete_expired`, `paused`: never paid for, or nothing that a plan follows.
        default: nil
        }
    }

    private static func end(of subscription: JSONValue) -> RecordSubscription.News {
        subscription["cancellation_details"]?["reason"] == "payment_failed" ? .endedUnpaid : .cancelled
    }

    /// By the price, which can change in Stripe's own portal; else as it was bought.
    private static func tier(of subscription: JSONValue, prices: [Tier: String]) -> Tier? {
        let price = subscription["items"]?["data"]?.array?.first?["price"]?["id"]?.string
        return prices.first { $0.value == price }?.key ?? tier(in: subscription["metadata"])
    }

    private static func tier(in metadata: JSONValue?) -> Tier? {
        metadata?["tier"]?.string.flatMap(Tier.init(rawValue:))
    }

    private static func subscription(ofInvoice invoice: JSONValue) -> String? {
        reference(invoice["parent"]?["subscription_details"]?["subscription"]) ?? reference(invoice["subscription"])
    }

    private static func customer(ofInvoice invoice: JSONValue) -> JSONValue? {
        invoice["parent"]?["subscription_details"]?["metadata"]?["customer_id"]
            ?? invoice["subscription_details"]?["metadata"]?["customer_id"]
    }

    /// An id, or the id of an object that stands in its place.
    private static func reference(_ value: JSONValue?) -> String? { value?.string ?? value?["id"]?.string }
}

extension [String] {
    fileprivate func contains(_ element: String?) -> Bool { element.map { self.contains($0) } ?? false }
}
