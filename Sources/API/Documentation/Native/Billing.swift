import CanonicalJSON

extension RouteFamily {
    static let billing = RouteFamily(
        "Billing", "Paying for a plan with Stripe. A server without a Stripe key answers 501.",
        [
            RouteDescription(
                "POST /v1/billing/checkout", "startCheckout", "Go and pay for a plan",
                "Nothing changes until it is paid.",
                body: .object([.required("tier", .choice(["starter", "business"]))]),
                answers: [
                    .json(
                        "A page of Stripe Checkout.",
                        .object([.required("checkout_url", .text("https://checkout.stripe.com/c/pay/cs_…"))]))
                ], errors: [.conflict, .notSupported]),
            RouteDescription(
                "POST /v1/billing/webhook", "receiveStripeEvent", "What Stripe says of payments",
                "Believed when its `Stripe-Signature` was made with the signing secret within 300 seconds.",
                [
                    .header(
                        "Stripe-Signature",
                        .text(
                            "t=1772373600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
                            pattern: "^[ -~]*$"), "Stripe's signature over the body.")
                ],
                body: .anything.with("type", "object").showing(["id": "evt_…", "type": "invoice.paid"]),
                answers: [
                    .json(
                        "Heard.",
                        .object([
                            .required("received", .flag()),
                            .required("ignored", .flag(false), "Whether it changed nothing here."),
                        ]))
                ], errors: [.notSupported]),
        ])
}
