public import Ledger

/// How plans are paid for at Stripe.
public struct StripeConfiguration: Sendable {
    /// `sk_live_…`, `sk_test_…` or a restricted `rk_…`; nil turns billing off.
    public var secretKey: String?
    /// `whsec_…`; several while one replaces another. Any of them is believed.
    public var webhookSecrets: [String] = []
    /// The price (`price_…`) of each plan that can be bought.
    public var prices: [Tier: String] = [:]
    /// Where Stripe's API is, without the version.
    public var url = "https://api.stripe.com"
    /// Where Stripe sends the payer back to; `?checkout=success` or `?checkout=cancelled` is added.
    public var returnURL: String?

    public init() {}

    /// Reads what a plan costs, for example `starter=price_1Abc`.
    ///
    /// - Throws: ``ServerError`` when it is not of that form.
    public mutating func setPrice(_ text: String) throws(ServerError) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let name = parts.first, let tier = Tier(rawValue: name), let price = parts.last else {
            throw ServerError("--stripe-price must be starter=price_… or business=price_…, not \(text).")
        }
        prices[tier] = price
    }

    /// - Throws: ``ServerError`` naming the option that cannot work.
    func validate() throws(ServerError) {
        let isLoopback = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].contains { url.hasPrefix($0) }
        guard url.hasPrefix("https://") || isLoopback else {
            throw ServerError("--stripe-url \(url) would send the secret key in the clear. Use https://.")
        }
        guard returnURL.map({ $0.hasPrefix("https://") || $0.hasPrefix("http://") }) ?? true else {
            throw ServerError("--billing-return-url must be an address that begins with https:// or http://.")
        }
        for (tier, price) in prices {
            guard tier == .starter || tier == .business, price.hasPrefix("price_") else {
                throw ServerError(
                    "--stripe-price must be starter=price_… or business=price_…, not \(tier.rawValue)=\(price).")
            }
        }
        guard Set(prices.values).count == prices.count else {
            throw ServerError("--stripe-price: two plans have the same price, so nobody could tell what was paid for.")
        }
    }
}
