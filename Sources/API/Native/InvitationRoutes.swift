import CanonicalJSON
import EventStore
import Ledger
import Projections
import Vault

/// `/v1/invitations`: asking somebody into the organisation, and accepting. The token is shown once, to whoever invites,
/// who passes it on.
struct InvitationRoutes: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let secrets: MemberSecrets
    let hasher: PasswordHasher

    /// Days after which an invitation expires when nothing else is asked for, and the most that can be.
    static let daysDefault: Int64 = 7
    private static let daysMax: Int64 = 30

    var routes: [Route] {
        [
            Route(.get, "/v1/invitations", .key(.membersRead), handler: list),
            Route(
                .post, "/v1/invitations", .key(.membersWrite), bodyBytesMax: 16_384, idempotency: .rememberedSecret,
                handler: create),
            Route(.get, "/v1/invitations/:id", .key(.membersRead), handler: show),
            Route(.delete, "/v1/invitations/:id", .key(.membersWrite), bodyBytesMax: 16_384, handler: revoke),
            Route(
                .post, "/v1/invitations/accept", .public, bodyBytesMax: 16_384, addressLimit: .signUp,
                idempotency: .notNeeded, handler: accept),
        ]
    }

    private func list(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let page = try reads.invitations(of: try exchange.caller(), try PageRequest(query: exchange.query))
        var data: [JSONValue] = []
        for invitation in page.rows { data.append(.object(try await body(of: invitation))) }
        return .json(["data": .array(data), "has_more": .bool(page.hasMore)])
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        .json(
            .object(try await body(of: try reads.invitation(try exchange.invitationID(), for: try exchange.caller()))))
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let email = try EmailAddress(try members.requiredString("email"))
        guard let role = try members.choice("role", Role.self) else {
            throw APIError(.badRequest, "`role` is required and must be one of: \(Role.list).", field: "role")
        }
        let days = try members.integer("expires_in_days") ?? Self.daysDefault
        guard (1...Self.daysMax).contains(days) else {
            throw APIError(
                .badRequest, "`expires_in_days` must be 1 to \(Self.daysMax).", field: "expires_in_days")
        }
        return try await invite(email, as: role, days: days, exchange) { issued in
            [
                "id": .string(issued.id.text), "email": .string(issued.email), "role": .string(issued.role.rawValue),
                "status": "pending", "invited_by": .string(issued.invitedBy),
                "created_at": .string(issued.createdAt.secondsText),
                "expires_at": .string(issued.expiresAt.secondsText), "token": .string(issued.token),
                "message":
                    .string(
                        "Pass the token on to \(issued.email) — it cannot be shown again. They join with "
                            + "POST /v1/invitations/accept."),
            ]
        }
    }

    /// An invitation that was just made, with its token, for the one answer that shows it.
    struct Issued: Sendable {
        let id: InvitationID
        let email: String
        let role: Role
        let invitedBy: String
        let createdAt: Timestamp
        let expiresAt: Timestamp
        let token: String
    }

    /// Asks somebody into the caller's organisation.
    ///
    /// - Parameter render: the answer's body, as the dialect has it.
    func invite(
        _ email: EmailAddress, as role: Role, days: Int64, _ exchange: Exchange,
        _ render: @escaping @Sendable (Issued) -> JSONValue
    ) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        try await checkIsNoMember(email, of: caller)
        var generator = SystemRandomNumberGenerator()
        let (id, eventID, token) = (
            InvitationID(using: &generator), EventID(using: &generator), SecretToken(.invitation)
        )
        let sealed = try await secrets.seal(email.text, SealedField.email, of: caller.customerID, eventID)
        let command = InviteMember(
            customerID: caller.customerID, invitationID: id, eventID: eventID, role: role, sealedEmail: sealed,
            tokenSHA256: token.sha256, expiresAt: ledger.now().wholeSecond.adding(seconds: days * 86_400))
        let answer: @Sendable ([EventDraft]) -> APIResponse? = { drafts in
            drafts.first.map { draft in
                let issued = Issued(
                    id: id, email: email.text, role: role, invitedBy: draft.actor, createdAt: draft.at,
                    expiresAt: command.expiresAt, token: token.text)
                return .json(render(issued), status: 201)
            }
        }
        let outcome = try await ledger.perform(
            .inviteMember(command), as: caller.actor, trace: exchange.trace,
            idempotency: exchange.remembering(answer))
        guard let response = answer(outcome.events.map(\.event)) else { throw .internalError }
        return response
    }

    /// Only the own organisation's members are told about; that somebody belongs to another one is nobody's business.
    private func checkIsNoMember(_ email: EmailAddress, of caller: Principal) async throws(APIError) {
        let known: MemberReference?
        do throws(VaultError) { known = try await vault.member(forEmail: email.text) } catch {
            throw APIError(vault: error)
        }
        guard known?.customerID != caller.customerID.text else {
            throw APIError(.conflict, "This e-mail address belongs to a member already.", field: "email")
        }
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.invitationID()
        _ = try await ledger.perform(.revokeInvitation(id), as: caller.actor, trace: exchange.trace)
        return .json(.object(try await body(of: try reads.invitation(id, for: caller))))
    }

    private func accept(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let password = try Password(try members.requiredString("password"))
        var name: PersonName?
        if let text = try members.string("name") { name = try PersonName(text) }
        let now = ledger.now()
        guard let hash = SecretToken(.invitation, parsing: try members.requiredString("token"))?.sha256,
            let known = ledger.read({ $0.invitation(tokenSHA256: hash) }), now < known.expiresAt,
            let invitation = try reads.invitation(known.id)
        else { throw .invitationNotFound }
        let email = try await secrets.email(of: invitation)
        let verifier = try await hasher.verifier(of: password)
        var generator = SystemRandomNumberGenerator()
        let (id, eventID) = (MemberID(using: &generator), EventID(using: &generator))
        let reference = MemberReference(customerID: invitation.customerID.text, memberID: id.text)
        do throws(VaultError) { try await vault.reserveMember(email: email, for: reference) } catch {
            throw APIError(vault: error)
        }
        let submission: LedgerService.Submission
        do throws(APIError) {
            let member = try await secrets.seal(
                id, email: email, name: name?.text, verifier: verifier, of: invitation.customerID, eventID: eventID)
            submission = try ledger.submit(
                .acceptInvitation(AcceptInvitation(tokenSHA256: hash, member: member)), as: .system,
                trace: exchange.trace)
        } catch {
            // The address may be tried again; were this to fail too, the next start finds the orphan.
            do throws(VaultError) { try await vault.releaseMember(id.text) } catch {}
            throw error
        }
        _ = try await ledger.complete(submission)
        var body = try await MemberAnswer(secrets: secrets).body(of: try reads.signedInMember(id))
        body["customer_id"] = .string(invitation.customerID.text)
        body["message"] = "Welcome. Sign in with POST /v1/auth/login."
        return .json(.object(body), status: 201)
    }

    private func body(of invitation: InvitationView) async throws(APIError) -> JSONObject {
        var body = JSONObject()
        let isExpired = invitation.status == .pending && invitation.expiresAt <= ledger.now()
        body["id"] = .string(invitation.id.text)
        body["email"] = .string(try await secrets.email(of: invitation))
        body["role"] = .string(invitation.role.rawValue)
        body["status"] = .string(isExpired ? "expired" : invitation.status.rawValue)
        body["invited_by"] = .string(invitation.invitedBy)
        body["created_at"] = .string(invitation.createdAt.secondsText)
        body["expires_at"] = .string(invitation.expiresAt.secondsText)
        return body
    }
}

/// What a member wants to be called: 1 to 100 characters, none of them a control character.
struct PersonName: Sendable {
    let text: String

    init(_ text: String) throws(APIError) {
        guard (1...100).contains(text.count), text.utf8.count <= 400,
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw APIError(
                .badRequest, "`name` must have 1 to 100 characters, none of them a control character.", field: "name")
        }
        self.text = text
    }
}

extension Exchange {
    /// The invitation that the path names.
    fileprivate func invitationID() throws(APIError) -> InvitationID {
        guard let id = InvitationID(parameter("id")) else { throw .invitationNotFound }
        return id
    }
}
