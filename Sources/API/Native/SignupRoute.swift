import CanonicalJSON
import Ledger
import Proofs
import Vault

/// `POST /v1/signup`: a new customer and its first API key.
struct SignupRoute: Sendable {
    let ledger: LedgerService
    let vault: Vault

    var routes: [Route] {
        [
            Route(
                .post, "/v1/signup", .public, bodyBytesMax: 16_384, addressLimit: .signUp,
                idempotency: .rememberedSecret, handler: signUp)
        ]
    }

    private func signUp(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let email = try EmailAddress(try members.requiredString("email"))
        let jurisdiction = try members.choice("jurisdiction", Jurisdiction.self)
        var generator = SystemRandomNumberGenerator()
        let customerID = CustomerID(using: &generator)
        let key = try NewAPIKey(prefix: .nanorixLive, name: "default", permissions: .full)
        // The customer's data key and its place in the e-mail index are durable before the first event that uses them.
        do throws(VaultError) { _ = try await vault.reserve(email: email.text, customerID: customerID.text) } catch {
            throw Self.error(for: error)
        }
        let answer = APIResponse.json(
            [
                "customer_id": .string(customerID.text), "api_key": .string(key.text), "tier": "free",
                "message": "Save your API key — it cannot be retrieved later.",
            ], status: 201)
        let submission: LedgerService.Submission
        do throws(APIError) {
            let eventID = EventID(using: &generator)
            let sealed = try await seal(email, for: customerID, eventID: eventID)
            var command = SignUp(customerID: customerID, eventID: eventID, sealedEmail: sealed, key: key.issued)
            if let jurisdiction { command.jurisdiction = jurisdiction }
            submission = try ledger.submit(
                .signUp(command), as: .system, trace: exchange.trace, idempotency: exchange.remembering { _ in answer })
        } catch {
            // The address may be tried again; were this to fail too, the next start finds the orphan.
            do throws(VaultError) { try await vault.release(customerID.text) } catch {}
            throw error
        }
        // From here on the event may be in the log whatever happens, and then it needs the data key.
        _ = try await ledger.complete(submission)
        return answer
    }

    private func seal(_ email: EmailAddress, for customerID: CustomerID, eventID: EventID) async throws(APIError)
        -> String
    {
        do throws(VaultError) {
            return try await vault.seal(
                email.text, customerID: customerID.text, context: eventID.text, field: SealedField.email)
        } catch { throw Self.error(for: error) }
    }

    private static func error(for error: VaultError) -> APIError {
        error.code == .emailTaken
            ? APIError(.conflict, "This e-mail address is registered already. Use its API key, or another address.")
            : APIError(.unavailable, "The vault cannot write at the moment. Try again later.", retryAfterSeconds: 30)
    }
}

/// Names of sealed fields, bound into their authentication beside the customer and the event.
enum SealedField {
    static let email = "email"
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
                    && !scalar.properties.isWhitespace
            }
    }

    private static func isDomain(_ part: Substring) -> Bool {
        let labels = part.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.unicodeScalars.allSatisfy {
                        $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-"
                    }
            }
    }
}
