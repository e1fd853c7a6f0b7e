import EventStore
import Ledger
import Merkle
import Projections
import Proofs
import Vault

/// Signing in and out, and changing passwords. What is allowed is decided in the ledger; here passwords are checked and
/// tokens made.
struct SignInService: Sendable {
    /// What somebody who is signed in gets.
    struct Tokens: Sendable {
        let access: String
        let refresh: String
        let member: MemberView
    }

    /// Attempts a minute for one account, from wherever they come.
    static let accountLimit = RateLimit.perMinute(10)

    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let secrets: MemberSecrets
    let tokens: TokenService
    let hasher: PasswordHasher
    /// By the e-mail's digest.
    let accounts: RateLimiter<[UInt8]>

    /// - Throws: `unauthorized`, the same and for the same work whether the e-mail is unknown or the password wrong;
    ///   `rateLimited`.
    func signIn(_ email: EmailAddress, password: String, trace: String) async throws(APIError) -> Tokens {
        let password = Password(presented: password)
        try admit(email)
        let found = try await member(forEmail: email)
        var verifier: String?
        if let found { verifier = try await secrets.verifier(of: found) }
        let verdict = try await hasher.check(password, against: verifier)
        guard let member = found, verdict != .wrong else { throw .wrongPassword }
        let tokens: Tokens
        do throws(APIError) {
            tokens = try await start(member, passwordSequence: member.passwordSequence, trace: trace)
        } catch {
            // Removed, or another password set, while this one was being checked.
            throw error.code == .unauthorized ? APIError.wrongPassword : error
        }
        if verdict == .rightButOutdated { await rehash(password, of: member, trace: trace) }
        return tokens
    }

    /// The next tokens of a family. An old refresh token ends its family.
    func refresh(_ token: String, trace: String) async throws(APIError) -> Tokens {
        guard let claims = await tokens.claims(of: token, .refresh), let signInID = SignInID(claims.sid),
            let memberID = MemberID(claims.sub)
        else { throw .signedOut }
        let command = RefreshSignIn(signInID: signInID, generation: claims.gen, expiresAt: refreshExpiry)
        let outcome = try await ledger.perform(
            .refreshSignIn(command), as: .member(memberID, in: .live), trace: trace)
        guard outcome.events.contains(where: { $0.event.type == SignInRefreshed.type }) else { throw .signedOut }
        let member = try reads.signedInMember(memberID)
        return try await issue(member, signInID, generation: claims.gen + 1)
    }

    func signOut(_ caller: Principal, trace: String) async throws(APIError) {
        guard let signInID = caller.signInID else { throw .signedOut }
        _ = try await ledger.perform(.endSignIn(signInID), as: caller.actor, trace: trace)
    }

    /// Another password for the caller: every sign-in ends, and a new one begins.
    func changePassword(
        of caller: Principal, from current: String, to password: Password, trace: String
    ) async throws(APIError) -> Tokens {
        let member = try await confirm(caller, current, field: "current_password")
        let sequence = try await set(
            password, of: member, proof: .password(setBy: member.passwordSequence), trace: trace)
        return try await start(member, passwordSequence: sequence, trace: trace)
    }

    /// Checks the caller's own password again, before something that cannot be undone.
    ///
    /// - Parameter field: the member of the request that holds it.
    /// - Throws: `forbidden` when it is wrong; `rateLimited`.
    @discardableResult
    func confirm(_ caller: Principal, _ password: String, field: String) async throws(APIError) -> MemberView {
        let member = try reads.member(of: caller)
        try admit(try EmailAddress(try await secrets.email(of: member)))
        let verdict = try await hasher.check(
            Password(presented: password), against: try await secrets.verifier(of: member))
        guard verdict != .wrong else {
            throw APIError(
                .forbidden, "`\(field)` is wrong. Send the password you sign in with.", field: field)
        }
        return member
    }

    /// Another password on the strength of a token from the operator. Every sign-in ends.
    func resetPassword(_ token: String, to password: Password, trace: String) async throws(APIError) {
        let now = ledger.now()
        guard let hash = SecretToken(.passwordReset, parsing: token)?.sha256,
            let id = ledger.read({ $0.member(resetTokenSHA256: hash, at: now)?.id })
        else { throw .resetTokenUnknown }
        let member = try reads.signedInMember(id)
        _ = try await set(password, of: member, proof: .resetToken(hash), trace: trace)
    }

    /// Hashes `password` and records it.
    ///
    /// - Returns: the position of the event that set it.
    private func set(
        _ password: Password, of member: MemberView, proof: ChangePassword.Proof, trace: String
    ) async throws(APIError) -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        let eventID = EventID(using: &generator)
        let verifier = try await hasher.verifier(of: password)
        let command = ChangePassword(
            memberID: member.id, eventID: eventID,
            sealedVerifier: try await secrets.seal(verifier, SealedField.verifier, of: member.customerID, eventID),
            proof: proof)
        let outcome = try await ledger.perform(
            .changePassword(command), as: .member(member.id, in: .live), trace: trace)
        guard let event = outcome.events.first else { throw .internalError }
        return event.sequence
    }

    /// The same password under today's parameters. That it could not be done changes nothing for the caller: the next
    /// sign-in tries again.
    private func rehash(_ password: Password, of member: MemberView, trace: String) async {
        do throws(APIError) {
            _ = try await set(password, of: member, proof: .rehash(setBy: member.passwordSequence), trace: trace)
        } catch {}
    }

    private func start(
        _ member: MemberView, passwordSequence: UInt64, trace: String
    ) async throws(APIError) -> Tokens {
        var generator = SystemRandomNumberGenerator()
        let signInID = SignInID(using: &generator)
        let command = StartSignIn(
            signInID: signInID, memberID: member.id, passwordSequence: passwordSequence, expiresAt: refreshExpiry)
        _ = try await ledger.perform(.startSignIn(command), as: .member(member.id, in: .live), trace: trace)
        return try await issue(member, signInID, generation: 0)
    }

    private func issue(_ member: MemberView, _ id: SignInID, generation: Int64) async throws(APIError) -> Tokens {
        Tokens(
            access: try await tokens.token(.access, memberID: member.id, signInID: id, generation: generation),
            refresh: try await tokens.token(.refresh, memberID: member.id, signInID: id, generation: generation),
            member: try reads.signedInMember(member.id))
    }

    private func member(forEmail email: EmailAddress) async throws(APIError) -> MemberView? {
        let reference: MemberReference?
        do throws(VaultError) { reference = try await vault.member(forEmail: email.text) } catch {
            throw APIError(vault: error)
        }
        guard let id = reference.flatMap({ MemberID($0.memberID) }) else { return nil }
        return try reads.member(id)
    }

    private func admit(_ email: EmailAddress) throws(APIError) {
        let digest: [UInt8]
        do throws(VaultError) { digest = try vault.emailDigest(of: email.text) } catch { throw .wrongPassword }
        let verdict = accounts.admit(digest, under: Self.accountLimit)
        guard verdict.isAllowed else {
            throw APIError(
                .rateLimited,
                "Too many attempts to sign in to this account. Retry after \(verdict.retryAfterSeconds) seconds.",
                retryAfterSeconds: verdict.retryAfterSeconds)
        }
    }

    private var refreshExpiry: Timestamp {
        ledger.now().wholeSecond.adding(seconds: TokenClaims.Purpose.refresh.lifetimeSeconds)
    }
}

extension APIError {
    static let wrongPassword = APIError(
        .unauthorized, "The e-mail address or the password is wrong. Check both; the operator can issue a reset token.")
    static let signedOut = APIError(.unauthorized, "This sign-in has ended or the token is not valid. Sign in again.")
    static let resetTokenUnknown = APIError(
        .unauthorized, "This reset token is unknown, used up or expired. Ask the operator for another one.")
}
