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
                idempotency: .rememberedSecret, readsProjections: false, handler: signUp)
        ]
    }

    private func signUp(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        var form = CustomerRegistration.Form(email: try EmailAddress(try members.requiredString("email")))
        form.jurisdiction = try members.choice("jurisdiction", Jurisdiction.self)
        if let text = try members.string("password") { form.password = try Password(text) }
        if let text = try members.string("name") { form.name = try PersonName(text) }
        let answer: @Sendable (CustomerRegistration.Registered) -> APIResponse = { registered in
            var body: JSONValue = [
                "customer_id": .string(registered.customerID.text), "api_key": .string(registered.apiKey),
                "tier": "free", "message": "Save your API key — it cannot be retrieved later.",
            ]
            if let memberID = registered.memberID, case .object(var object) = body {
                object["member_id"] = .string(memberID.text)
                body = .object(object)
            }
            return .json(body, status: 201)
        }
        return answer(
            try await registration.register(
                // A remembered answer is read by whoever repeats the request, on this very route.
                form, as: .system, trace: exchange.trace, isReadLater: exchange.idempotent == nil
            ) { registered in
                exchange.remembering { _ in answer(registered) }
            })
    }
}
