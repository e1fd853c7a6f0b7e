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
    let hasher: PasswordHasher

    /// - Parameters:
    ///   - isReadLater: whether only later requests read what this one has done. Then the answer need not wait until it can be
    ///     read.
    ///   - idempotency: for the commit, made of what will be answered.
    /// - Throws: `conflict` when the e-mail is registered already.
    func register(
        _ form: Form, as actor: Actor, trace: String, isReadLater: Bool = false,
        idempotency: @escaping @Sendable (Registered) -> Idempotency? = { _ in nil }
    ) async throws(APIError) -> Registered {
        let result = await withCheckedContinuation { continuation in
            register(form, as: actor, trace: trace, isReadLater: isReadLater, idempotency: idempotency) {
                continuation.resume(returning: $0)
            }
        }
        return try result.get()
    }

    /// The same for whoever does not wait.
    ///
    /// - Parameter answer: called once, on any thread; keep it to microseconds.
    func register(
        _ form: Form, as actor: Actor, trace: String, isReadLater: Bool,
        idempotency: @escaping @Sendable (Registered) -> Idempotency?,
        then answer: @escaping @Sendable (Result<Registered, APIError>) -> Void
    ) {
        let submit: @Sendable (SignUp, Registered) throws(APIError) -> LedgerService.Submission = {
            command, registered throws(APIError) in
            try ledger.submit(.signUp(command), as: actor, trace: trace, idempotency: idempotency(registered))
        }
        let register: @Sendable (String?) throws(APIError) -> Void = { verifier throws(APIError) in
            let draft = try RegistrationDraft(form, verifier: verifier)
            // The customer's data key and the e-mail's places in the index are durable before the first event that uses them.
            vault.reserve(draft.place) { reservation in
                switch reservation {
                case .failure(let error): answer(.failure(APIError(vault: error)))
                case .success(let reservation):
                    record(draft, reservation, isReadLater: isReadLater, submit: submit, then: answer)
                }
            }
        }
        guard let password = form.password else {
            do throws(APIError) { try register(nil) } catch { answer(.failure(error)) }
            return
        }
        Task {
            do throws(APIError) { try register(try await hasher.verifier(of: password)) } catch {
                answer(.failure(error))
            }
        }
    }

    private func record(
        _ draft: RegistrationDraft, _ reservation: Reservation, isReadLater: Bool,
        submit: (SignUp, Registered) throws(APIError) -> LedgerService.Submission,
        then answer: @escaping @Sendable (Result<Registered, APIError>) -> Void
    ) {
        let submission: LedgerService.Submission
        do throws(APIError) {
            submission = try submit(try draft.command(sealed: reservation.sealed), draft.registered)
        } catch { return release(draft.registered) { answer(.failure(error)) } }
        // From here on the event may be in the log whatever happens, and then it needs the data key.
        if isReadLater { return ledger.answer(submission) { answer($0.map { _ in draft.registered }) } }
        Task {
            do throws(APIError) {
                _ = try await ledger.complete(submission)
                answer(.success(draft.registered))
            } catch { answer(.failure(error)) }
        }
    }

    /// The address may be tried again; were this to fail too, the next start finds the orphans.
    private func release(_ registered: Registered, then answer: @escaping @Sendable () -> Void) {
        Task {
            do throws(VaultError) { try await vault.release(registered.customerID.text) } catch {}
            answer()
        }
    }
}
