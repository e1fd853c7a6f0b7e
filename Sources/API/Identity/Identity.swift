import Ledger
import Logging
import Projections
import Vault

/// Everything about members, invitations and sign-ins, put together.
struct Identity: Sendable {
    let secrets: MemberSecrets
    let tokens: TokenService
    let hasher: PasswordHasher
    let registration: CustomerRegistration
    let signIns: SignInService
    let invitations: InvitationRoutes
    let routes: [Route]

    init(
        ledger: LedgerService, store: ProjectionStore, vault: Vault, surroundings: Surroundings, logger: Logger
    ) async throws {
        tokens = try await TokenService(vault: vault, now: surroundings.now)
        hasher = PasswordHasher(cost: surroundings.passwordCost)
        let reads = ReadModel(store: store)
        secrets = MemberSecrets(vault: vault)
        registration = CustomerRegistration(ledger: ledger, vault: vault, hasher: hasher)
        signIns = SignInService(
            ledger: ledger, reads: reads, vault: vault, secrets: secrets, tokens: tokens, hasher: hasher,
            accounts: RateLimiter(now: surroundings.uptime))
        let members = MemberRoutes(ledger: ledger, reads: reads, vault: vault, secrets: secrets, logger: logger)
        invitations = InvitationRoutes(
            ledger: ledger, reads: reads, vault: vault, secrets: secrets, hasher: hasher)
        routes =
            SignupRoute(registration: registration).routes + AuthRoutes(signIns: signIns, reads: reads).routes
            + members.routes + invitations.routes
    }
}
