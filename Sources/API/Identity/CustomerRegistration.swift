import Ledger
import Proofs
import Vault

/// Makes customers: for whoever signs up, and for the operator.
struct CustomerRegistration: Sendable {
    struct Form: Sendable {
        let email: EmailAddress
        var password: Password?
        var name: PersonName?
        var jurisdiction: Jurisdiction?
        var tier = Tier.free
    }

    /// A new customer; the key's text is shown once.
    struct Registered: Sendable {
        let customerID: CustomerID
        let apiKey: String
        /// The first member, when there is a password to sign in with.
        let memberID: MemberID?
    }

    let ledger: LedgerService
    let vault: Vault
    let secrets: MemberSecrets
    let hasher: PasswordHasher

    /// - Parameters:
    ///   - isReadLater: whether only later requests read what this one has done. Then the answer need not wait until it can be
    ///     read.
    ///   - idempotency: for the commit, made of what will be answered.
    /// - Throws: `conflict` when the e-mail is registered already.
    func register(
        _ form: Form, as actor: Actor, trace: String, isReadLater: Bool = false,
        idempotency: @Sendable (Registered) -> Idempotency? = { _ in nil }
    ) async throws(APIError) -> Registered {
        var verifier: String?
        if let password = form.password { verifier = try await hasher.verifier(of: password) }
        var generator = RandomBatch()
        let key = try NewAPIKey(
            prefix: .nanorixLive, name: "default", permissions: .full, using: &generator)
        let registered = Registered(
            customerID: CustomerID(using: &generator), apiKey: key.text,
            memberID: verifier == nil ? nil : MemberID(using: &generator))
        let eventIDs = (customer: EventID(using: &generator), member: EventID(using: &generator))
        // The customer's data key and the e-mail's places in the index are durable before the first event that uses them.
        do throws(VaultError) {
            _ = try await vault.reserve(email: form.email.text, customerID: registered.customerID.text)
        } catch { throw APIError(vault: error) }
        let submission: LedgerService.Submission
        do throws(APIError) {
            if let memberID = registered.memberID { try await reserve(memberID, form, registered.customerID) }
            let command = try await command(form, registered, key, verifier: verifier, eventIDs)
            submission = try ledger.submit(
                .signUp(command), as: actor, trace: trace, idempotency: idempotency(registered))
        } catch {
            await release(registered)
            throw error
        }
        // From here on the event may be in the log whatever happens, and then it needs the data key.
        _ = try await isReadLater ? ledger.answer(submission) : ledger.complete(submission)
        return registered
    }

    private func reserve(_ memberID: MemberID, _ form: Form, _ customerID: CustomerID) async throws(APIError) {
        let reference = MemberReference(customerID: customerID.text, memberID: memberID.text)
        do throws(VaultError) { try await vault.reserveMember(email: form.email.text, for: reference) } catch {
            throw APIError(vault: error)
        }
    }

    private func command(
        _ form: Form, _ registered: Registered, _ key: NewAPIKey, verifier: String?,
        _ eventIDs: (customer: EventID, member: EventID)
    ) async throws(APIError) -> SignUp {
        let eventID = eventIDs.customer
        var command = SignUp(
            customerID: registered.customerID, eventID: eventID,
            sealedEmail: try await secrets.seal(form.email.text, SealedField.email, of: registered.customerID, eventID),
            tier: form.tier, key: key.issued)
        if let jurisdiction = form.jurisdiction { command.jurisdiction = jurisdiction }
        if let memberID = registered.memberID, let verifier {
            command.owner = try await secrets.seal(
                memberID, email: form.email.text, name: form.name?.text, verifier: verifier,
                of: registered.customerID, eventID: eventIDs.member)
        }
        return command
    }

    /// The address may be tried again; were this to fail too, the next start finds the orphans.
    private func release(_ registered: Registered) async {
        do throws(VaultError) {
            if let memberID = registered.memberID { try await vault.releaseMember(memberID.text) }
            try await vault.release(registered.customerID.text)
        } catch {}
    }
}
