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

/// An e-mail address that a mail could be sent to: one `@`, something before it, a domain behind it (RFC 5321 lengths).
struct EmailAddress: Sendable {
    let text: String

    init(_ raw: String) throws(APIError) {
        var trimmed = Substring(raw)
        while trimmed.first == " " { trimmed.removeFirst() }
        while trimmed.last == " " { trimmed.removeLast() }
        let parts = trimmed.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]), trimmed.utf8.count <= 254 else {
            throw APIError(
                .badRequest, "`email` must be a valid e-mail address, for example you@company.com.", field: "email")
        }
        text = String(trimmed)
    }

    private static func isLocalPart(_ part: Substring) -> Bool {
        (1...64).contains(part.utf8.count) && !part.hasPrefix(".") && !part.hasSuffix(".") && !part.contains("..")
            && part.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar.value != 0x7F && !"\"(),:;<>[]\\".unicodeScalars.contains(scalar)
                    && (scalar.isASCII || !scalar.properties.isWhitespace)
            }
    }

    private static func isDomain(_ part: Substring) -> Bool {
        let labels = part.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.unicodeScalars.allSatisfy {
                        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "-"
                            || !$0.isASCII && $0.properties.isAlphabetic
                    }
            }
    }
}
