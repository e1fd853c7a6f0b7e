import CanonicalJSON
import Ledger
import Proofs

/// `POST /v1/signup`: a new customer and its first API key; with a password also its first member, who can sign in.
struct SignupRoute: Sendable {
    let registration: CustomerRegistration

    var routes: [Route] {
        [
            Route(
                .post, "/v1/signup", .public, bodyBytesMax: 16_384, addressLimit: .signUp,
                idempotency: .rememberedSecret, readsProjections: false, deferred: DeferredAnswer(begin: beginSignUp),
                handler: signUp)
        ]
    }

    private func signUp(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        Self.answer(
            try await registration.register(
                // A remembered answer is read by whoever repeats the request, on this very route.
                try Self.form(exchange), as: .system, trace: exchange.trace, isReadLater: exchange.idempotent == nil
            ) { registered in
                exchange.remembering { _ in Self.answer(registered) }
            })
    }

    private func beginSignUp(
        _ exchange: Exchange, then answer: @escaping @Sendable (Result<APIResponse, APIError>) -> Void
    ) throws(APIError) {
        registration.register(
            try Self.form(exchange), as: .system, trace: exchange.trace, isReadLater: true, idempotency: { _ in nil }
        ) { registered in answer(registered.map(Self.answer)) }
    }

    private static func form(_ exchange: Exchange) throws(APIError) -> CustomerRegistration.Form {
        let members = try exchange.members()
        var form = CustomerRegistration.Form(email: try EmailAddress(try members.requiredString("email")))
        form.jurisdiction = try members.choice("jurisdiction", Jurisdiction.self)
        if let text = try members.string("password") { form.password = try Password(text) }
        if let text = try members.string("name") { form.name = try PersonName(text) }
        return form
    }

    private static func answer(_ registered: CustomerRegistration.Registered) -> APIResponse {
        let body = JSONObject(inOrder: [
            "api_key": .string(registered.apiKey), "customer_id": .string(registered.customerID.text),
            "member_id": registered.memberID.map { .string($0.text) },
            "message": "Save your API key — it cannot be retrieved later.", "tier": "free",
        ])
        return .json(.object(body), status: 201)
    }
}
