import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Vault

/// What the operator may do, over the administration socket only. The same rules decide as for everybody else; the events
/// say `operator`.
struct AdminRoutes: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let identity: Identity
    let erasure: AccountErasure
    let rotator: LogKeyRotator

    /// Hours after which a reset token expires when nothing else is asked for, and the most that can be.
    private static let resetHoursDefault: Int64 = 24
    private static let resetHoursMax: Int64 = 168

    var routes: [Route] {
        [
            Route(.get, "/customers", .operator, handler: listCustomers),
            Route(.post, "/customers", .operator, idempotency: .notNeeded, handler: createCustomer),
            Route(.put, "/customers/:customer/plan", .operator, handler: setPlan),
            Route(.delete, "/customers/:customer", .operator, handler: eraseCustomer),
            Route(.delete, "/api-keys/:id", .operator, handler: revokeKey),
            Route(.post, "/reset-tokens", .operator, idempotency: .notNeeded, handler: issueResetToken),
            Route(.post, "/token-keys", .operator, idempotency: .notNeeded, handler: rotateTokenKey),
            Route(.post, "/log-keys", .operator, idempotency: .notNeeded, handler: rotateLogKey),
        ]
    }

    private func listCustomers(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let page = try reads.customers(try PageRequest(query: exchange.query))
        var data: [JSONValue] = []
        for customer in page.rows {
            data.append([
                "customer_id": .string(customer.id.text),
                "email": try await identity.secrets.knownEmail(of: customer).map { .string($0) } ?? .null,
                "tier": .string(customer.tier.rawValue), "jurisdiction": .string(customer.jurisdiction.rawValue),
                "members": .integer(Int64(ledger.read { $0.members(of: customer.id).count })),
                "created_at": .string(customer.createdAt.secondsText),
            ])
        }
        return .json(["data": .array(data), "has_more": .bool(page.hasMore)])
    }

    private func createCustomer(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        var form = CustomerRegistration.Form(email: try EmailAddress(try members.requiredString("email")))
        form.tier = try members.choice("tier", Tier.self) ?? .free
        form.jurisdiction = try members.choice("jurisdiction", Jurisdiction.self)
        let registered = try await identity.registration.register(form, as: .operator, trace: exchange.trace)
        return .json(
            [
                "customer_id": .string(registered.customerID.text), "email": .string(form.email.text),
                "tier": .string(form.tier.rawValue), "api_key": .string(registered.apiKey),
            ], status: 201)
    }

    private func setPlan(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        guard let tier = try exchange.members().choice("tier", Tier.self) else {
            let known = Tier.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError(.badRequest, "`tier` is required and must be one of: \(known).", field: "tier")
        }
        let id = try await customerID(exchange.parameter("customer"))
        _ = try await ledger.perform(
            .changePlan(ChangePlan(customerID: id, tier: tier)), as: .operator, trace: exchange.trace)
        return .json(["customer_id": .string(id.text), "tier": .string(tier.rawValue)])
    }

    /// For whoever asks by letter and holds no key any more.
    private func eraseCustomer(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let id = try await customerID(exchange.parameter("customer"))
        guard try exchange.members().string("confirm") == id.text else {
            throw APIError(
                .badRequest, "This erases the customer for ever. To confirm, give its id: \(id).", field: "confirm")
        }
        return .json(
            AccountAnswer.body(of: try await erasure.erase(id, as: .operator, trace: exchange.trace)))
    }

    private func revokeKey(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        guard let id = KeyID(exchange.parameter("id")) else { throw .apiKeyNotFound }
        _ = try await ledger.perform(.revokeKey(RevokeKey(keyID: id)), as: .operator, trace: exchange.trace)
        return .json(["id": .string(id.text), "revoked": true])
    }

    private func issueResetToken(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let hours = try members.integer("expires_in_hours") ?? Self.resetHoursDefault
        guard (1...Self.resetHoursMax).contains(hours) else {
            throw APIError(
                .badRequest, "`expires_in_hours` must be 1 to \(Self.resetHoursMax).", field: "expires_in_hours")
        }
        let memberID = try await memberID(try members.requiredString("member"))
        let token = SecretToken(.passwordReset)
        let expiresAt = ledger.now().wholeSecond.adding(seconds: hours * 3_600)
        let command = IssueReset(memberID: memberID, tokenSHA256: token.sha256, expiresAt: expiresAt)
        _ = try await ledger.perform(.issueReset(command), as: .operator, trace: exchange.trace)
        return .json(
            [
                "member_id": .string(memberID.text), "reset_token": .string(token.text),
                "expires_at": .string(expiresAt.secondsText),
            ], status: 201)
    }

    private func rotateTokenKey(_: Exchange) async throws(APIError) -> APIResponse {
        do {
            return .json(["kid": .string(try await identity.tokens.rotate())], status: 201)
        } catch {
            throw APIError(.unavailable, "The vault could not keep another key: \(error)")
        }
    }

    private func rotateLogKey(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        var recoveryKey: VerifierKey?
        if !exchange.body.isEmpty, let text = try exchange.members().string("recovery_key") {
            guard let key = VerifierKey(text) else {
                throw APIError(
                    .badRequest, "`recovery_key` must be a verifier key: name+1a2b3c4d+Ae….", field: "recovery_key")
            }
            recoveryKey = key
        }
        do {
            let rotation = try await rotator.rotate(naming: recoveryKey, at: ledger.now())
            var members = JSONObject()
            members["old_verifier_key"] = .string(rotation.old.description)
            members["new_verifier_key"] = .string(rotation.new.description)
            members["last_size"] = .integer(Int64(rotation.lastSize))
            members["recovery_key"] = (rotation.recovery?.recoveryKey.description).map { .string($0) }
            return .json(.object(members), status: 201)
        } catch let error as ServerError {
            throw APIError(.conflict, error.message)
        } catch {
            throw APIError(.unavailable, "The log's key was not rotated: \(error)")
        }
    }

    /// The customer that an id or an e-mail names.
    private func customerID(_ text: String) async throws(APIError) -> CustomerID {
        if let id = CustomerID(text) { return id }
        let found: String?
        do throws(VaultError) { found = try await vault.customerID(forEmail: text) } catch {
            throw APIError(vault: error)
        }
        guard let id = found.flatMap(CustomerID.init) else {
            throw APIError(.notFound, "There is no customer \(text). Give an id (cust_…) or the e-mail of the sign-up.")
        }
        return id
    }

    /// The member that an id or an e-mail names.
    private func memberID(_ text: String) async throws(APIError) -> MemberID {
        if let id = MemberID(text) { return id }
        let found: MemberReference?
        do throws(VaultError) { found = try await vault.member(forEmail: text) } catch { throw APIError(vault: error) }
        guard let id = found.flatMap({ MemberID($0.memberID) }) else {
            throw APIError(
                .notFound,
                "Nobody signs in as \(text). Somebody becomes a member by signing up with a password or by an invitation."
            )
        }
        return id
    }
}
