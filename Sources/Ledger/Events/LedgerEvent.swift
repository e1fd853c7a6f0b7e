public import CanonicalJSON
public import EventStore

/// An event of the log, by its type.
///
/// To add a type: write its ``EventPayload``, give it a case here and a line in each switch; the compiler then asks for
/// its place in ``State`` and in the projections.
public enum LedgerEvent: Sendable, Equatable {
    case logCreated(LogCreated)
    case logKeyRotated(LogKeyRotated)
    case logKeyRecovered(LogKeyRecovered)
    case customerCreated(CustomerCreated)
    case keyIssued(KeyIssued)
    case keyRevoked(KeyRevoked)
    case customerPlanChanged(CustomerPlanChanged)
    case customerChanged(CustomerChanged)
    case customerErased(CustomerErased)
    case checkoutStarted(CheckoutStarted)
    case subscriptionChanged(SubscriptionChanged)
    case graceEnded(GraceEnded)
    case memberAdded(MemberAdded)
    case memberRoleChanged(MemberRoleChanged)
    case memberRemoved(MemberRemoved)
    case memberPasswordChanged(MemberPasswordChanged)
    case passwordResetIssued(PasswordResetIssued)
    case invitationCreated(InvitationCreated)
    case invitationRevoked(InvitationRevoked)
    case signInStarted(SignInStarted)
    case signInRefreshed(SignInRefreshed)
    case signInEnded(SignInEnded)
    case keyRotated(KeyRotated)
    case keyChanged(KeyChanged)
    case keyRefused(KeyRefused)
    case sessionCreated(SessionCreated)
    case sessionExecuting(SessionExecuting)
    case sessionExecuted(SessionExecuted)
    case sessionDestroyed(SessionDestroyed)
    case sessionExpired(SessionExpired)
    case sessionExpiredUnclean(SessionExpiredUnclean)
    case verificationKeyPublished(VerificationKeyPublished)
    case proofIssued(ProofIssued)
    case usageTick(UsageTick)
    case agentRegistered(AgentRegistered)
    case agentChanged(AgentChanged)
    case agentStatusChanged(AgentStatusChanged)
    case agentFactsChanged(AgentFactsChanged)
    case agentDeleted(AgentDeleted)
    case sessionTerminalOpened(SessionTerminalOpened)
    case sessionTerminalClosed(SessionTerminalClosed)
    case backupStarted(BackupStarted)
    case backupEnded(BackupEnded)
    case backupDeleted(BackupDeleted)
    case backupRestoreStarted(BackupRestoreStarted)
    case backupRestoreEnded(BackupRestoreEnded)
    case agentProbed(AgentProbed)
    case idempotencyRecorded(IdempotencyRecorded)
    case idempotencyReleased(IdempotencyReleased)
    /// A type that this program does not know: kept as it is and skipped by every fold.
    case unknown(type: String, version: Int, data: JSONObject)

    /// Reads the event in `draft`, older versions through `upcasters`.
    ///
    /// - Throws: ``PayloadError`` naming the member that is wrong.
    public init(_ draft: EventDraft, upcasters: Upcasters = .current) throws(PayloadError) {
        func read<Payload: EventPayload>(_: Payload.Type) throws(PayloadError) -> Payload {
            try Payload(
                data: upcasters.upcast(draft.data, of: draft.type, from: draft.version, to: Payload.version))
        }
        // Names are compared one after the other, so the types of which there are most stand first.
        switch draft.type {
        case SessionCreated.type: self = .sessionCreated(try read(SessionCreated.self))
        case SessionExecuting.type: self = .sessionExecuting(try read(SessionExecuting.self))
        case SessionExecuted.type: self = .sessionExecuted(try read(SessionExecuted.self))
        case SessionDestroyed.type: self = .sessionDestroyed(try read(SessionDestroyed.self))
        case SessionExpired.type: self = .sessionExpired(try read(SessionExpired.self))
        case SessionExpiredUnclean.type: self = .sessionExpiredUnclean(try read(SessionExpiredUnclean.self))
        case VerificationKeyPublished.type:
            self = .verificationKeyPublished(try read(VerificationKeyPublished.self))
        case ProofIssued.type: self = .proofIssued(try read(ProofIssued.self))
        case UsageTick.type: self = .usageTick(try read(UsageTick.self))
        case LogCreated.type: self = .logCreated(try read(LogCreated.self))
        case LogKeyRotated.type: self = .logKeyRotated(try read(LogKeyRotated.self))
        case LogKeyRecovered.type: self = .logKeyRecovered(try read(LogKeyRecovered.self))
        case CustomerCreated.type: self = .customerCreated(try read(CustomerCreated.self))
        case KeyIssued.type: self = .keyIssued(try read(KeyIssued.self))
        case KeyRevoked.type: self = .keyRevoked(try read(KeyRevoked.self))
        case CustomerPlanChanged.type: self = .customerPlanChanged(try read(CustomerPlanChanged.self))
        case CustomerChanged.type: self = .customerChanged(try read(CustomerChanged.self))
        case CustomerErased.type: self = .customerErased(try read(CustomerErased.self))
        case CheckoutStarted.type: self = .checkoutStarted(try read(CheckoutStarted.self))
        case SubscriptionChanged.type: self = .subscriptionChanged(try read(SubscriptionChanged.self))
        case GraceEnded.type: self = .graceEnded(try read(GraceEnded.self))
        case MemberAdded.type: self = .memberAdded(try read(MemberAdded.self))
        case MemberRoleChanged.type: self = .memberRoleChanged(try read(MemberRoleChanged.self))
        case MemberRemoved.type: self = .memberRemoved(try read(MemberRemoved.self))
        case MemberPasswordChanged.type: self = .memberPasswordChanged(try read(MemberPasswordChanged.self))
        case PasswordResetIssued.type: self = .passwordResetIssued(try read(PasswordResetIssued.self))
        case InvitationCreated.type: self = .invitationCreated(try read(InvitationCreated.self))
        case InvitationRevoked.type: self = .invitationRevoked(try read(InvitationRevoked.self))
        case SignInStarted.type: self = .signInStarted(try read(SignInStarted.self))
        case SignInRefreshed.type: self = .signInRefreshed(try read(SignInRefreshed.self))
        case SignInEnded.type: self = .signInEnded(try read(SignInEnded.self))
        case KeyRotated.type: self = .keyRotated(try read(KeyRotated.self))
        case KeyChanged.type: self = .keyChanged(try read(KeyChanged.self))
        case KeyRefused.type: self = .keyRefused(try read(KeyRefused.self))
        case AgentRegistered.type: self = .agentRegistered(try read(AgentRegistered.self))
        case AgentChanged.type: self = .agentChanged(try read(AgentChanged.self))
        case AgentStatusChanged.type: self = .agentStatusChanged(try read(AgentStatusChanged.self))
        case AgentFactsChanged.type: self = .agentFactsChanged(try read(AgentFactsChanged.self))
        case AgentDeleted.type: self = .agentDeleted(try read(AgentDeleted.self))
        case SessionTerminalOpened.type: self = .sessionTerminalOpened(try read(SessionTerminalOpened.self))
        case SessionTerminalClosed.type: self = .sessionTerminalClosed(try read(SessionTerminalClosed.self))
        case BackupStarted.type: self = .backupStarted(try read(BackupStarted.self))
        case BackupEnded.type: self = .backupEnded(try read(BackupEnded.self))
        case BackupDeleted.type: self = .backupDeleted(try read(BackupDeleted.self))
        case BackupRestoreStarted.type: self = .backupRestoreStarted(try read(BackupRestoreStarted.self))
        case BackupRestoreEnded.type: self = .backupRestoreEnded(try read(BackupRestoreEnded.self))
        case AgentProbed.type: self = .agentProbed(try read(AgentProbed.self))
        case IdempotencyRecorded.type: self = .idempotencyRecorded(try read(IdempotencyRecorded.self))
        case IdempotencyReleased.type: self = .idempotencyReleased(try read(IdempotencyReleased.self))
        default: self = .unknown(type: draft.type, version: draft.version, data: draft.data)
        }
    }

    /// The payload, or nil for an unknown type.
    public var payload: (any EventPayload)? {
        switch self {
        case .logCreated(let payload): payload
        case .logKeyRotated(let payload): payload
        case .logKeyRecovered(let payload): payload
        case .customerCreated(let payload): payload
        case .keyIssued(let payload): payload
        case .keyRevoked(let payload): payload
        case .customerPlanChanged(let payload): payload
        case .customerChanged(let payload): payload
        case .customerErased(let payload): payload
        case .checkoutStarted(let payload): payload
        case .subscriptionChanged(let payload): payload
        case .graceEnded(let payload): payload
        case .memberAdded(let payload): payload
        case .memberRoleChanged(let payload): payload
        case .memberRemoved(let payload): payload
        case .memberPasswordChanged(let payload): payload
        case .passwordResetIssued(let payload): payload
        case .invitationCreated(let payload): payload
        case .invitationRevoked(let payload): payload
        case .signInStarted(let payload): payload
        case .signInRefreshed(let payload): payload
        case .signInEnded(let payload): payload
        case .keyRotated(let payload): payload
        case .keyChanged(let payload): payload
        case .keyRefused(let payload): payload
        case .sessionCreated(let payload): payload
        case .sessionExecuting(let payload): payload
        case .sessionExecuted(let payload): payload
        case .sessionDestroyed(let payload): payload
        case .sessionExpired(let payload): payload
        case .sessionExpiredUnclean(let payload): payload
        case .verificationKeyPublished(let payload): payload
        case .proofIssued(let payload): payload
        case .usageTick(let payload): payload
        case .agentRegistered(let payload): payload
        case .agentChanged(let payload): payload
        case .agentStatusChanged(let payload): payload
        case .agentFactsChanged(let payload): payload
        case .agentDeleted(let payload): payload
        case .sessionTerminalOpened(let payload): payload
        case .sessionTerminalClosed(let payload): payload
        case .backupStarted(let payload): payload
        case .backupEnded(let payload): payload
        case .backupDeleted(let payload): payload
        case .backupRestoreStarted(let payload): payload
        case .backupRestoreEnded(let payload): payload
        case .agentProbed(let payload): payload
        case .idempotencyRecorded(let payload): payload
        case .idempotencyReleased(let payload): payload
        case .unknown: nil
        }
    }

    /// Type, version and data as the log holds them.
    public var form: (type: String, version: Int, content: any ObjectContent) {
        if case .unknown(let type, let version, let data) = self { return (type, version, data) }
        guard let payload else { preconditionFailure("every known event has a payload") }
        return (Swift.type(of: payload).type, Swift.type(of: payload).version, payload)
    }
}
