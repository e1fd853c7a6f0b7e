import Proofs
import EventStore
import Merkle
import Proofs

extension State {
    func inviteMember(_ command: InviteMember, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let authority = try authority(context)
        try authority?.mayManageMembers()
        guard let customer = customers[command.customerID], authority.map({ $0.customerID == customer.id }) ?? true
        else { throw .customerNotFound }
        try authority?.mayGive(command.role)
        guard Base64.isCanonical(command.sealedEmail) else {
            throw Refusal(.badRequest, "The sealed e-mail must be base64.", field: "email")
        }
        guard command.expiresAt > context.at else {
            throw Refusal(.badRequest, "The invitation would be expired already.", field: "expires_in_days")
        }
        guard invitations[command.invitationID] == nil, invitationsByToken[command.tokenSHA256] == nil else {
            throw Refusal(.conflict, "This invitation exists already. Try again.")
        }
        let open = openInvitations(of: customer.id, at: context.at).count
        if let limit = Plan.of(customer.tier).members, customer.members.count + open >= limit {
            throw .membersExceeded(limit: limit)
        }
        guard open < InvitationRecord.openMax else {
            throw Refusal(.limitReached, "\(open) invitations are open. Revoke some that are no longer needed.")
        }
        let created = InvitationCreated(
            expiresAt: command.expiresAt, invitationID: command.invitationID, role: command.role,
            sealedEmail: command.sealedEmail, tokenSHA256: command.tokenSHA256)
        return [Decided(stream: customer.id.text, event: .invitationCreated(created), id: command.eventID)]
    }

    func revokeInvitation(_ id: InvitationID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let authority = try authority(context)
        try authority?.mayManageMembers()
        guard let invitation = invitations[id], authority.map({ $0.customerID == invitation.customerID }) ?? true
        else { throw .invitationNotFound }
        try authority?.mayGive(invitation.role)
        return [
            Decided(
                stream: invitation.customerID.text, event: .invitationRevoked(InvitationRevoked(invitationID: id)))
        ]
    }

    func acceptInvitation(_ command: AcceptInvitation, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let invitation = invitation(tokenSHA256: command.tokenSHA256), context.at < invitation.expiresAt,
            let customer = customers[invitation.customerID]
        else { throw .invitationNotFound }
        if let limit = Plan.of(customer.tier).members, customer.members.count >= limit {
            throw .membersExceeded(limit: limit)
        }
        let added = try added(command.member, as: invitation.role, through: invitation.id)
        return [Decided(stream: customer.id.text, event: .memberAdded(added), id: command.member.eventID)]
    }

    /// The event of a new member.
    func added(
        _ member: NewMember, as role: Role, through invitation: InvitationID? = nil
    ) throws(Refusal) -> MemberAdded {
        guard members[member.id] == nil else { throw Refusal(.conflict, "This member id is taken. Try again.") }
        let added = MemberAdded(
            invitationID: invitation, memberID: member.id, role: role, sealedEmail: member.sealedEmail,
            sealedName: member.sealedName, sealedVerifier: member.sealedVerifier)
        do throws(PayloadError) { try added.checkIsReadable() } catch {
            throw Refusal(.badRequest, "What was sealed must be base64.", field: error.member)
        }
        return added
    }

    func changeRole(_ command: ChangeRole, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let member = try manageableMember(command.memberID, context)
        try authority(context)?.mayGive(command.role)
        guard member.role != command.role else {
            throw Refusal(.conflict, "This member is \(member.role.rawValue) already.")
        }
        guard !isLastOwner(member) else { throw .lastOwner }
        let changed = MemberRoleChanged(memberID: member.id, role: command.role)
        return [Decided(stream: member.customerID.text, event: .memberRoleChanged(changed))]
    }

    func removeMember(_ id: MemberID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let member = try manageableMember(id, context)
        guard !isLastOwner(member) else { throw .lastOwner }
        return [Decided(stream: member.customerID.text, event: .memberRemoved(MemberRemoved(memberID: member.id)))]
    }

    func changePassword(_ command: ChangePassword, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let member = members[command.memberID], !member.isRemoved else { throw .signedOut }
        let cause: MemberPasswordChanged.Cause
        switch command.proof {
        case .password(let sequence):
            guard member.passwordSequence == sequence else { throw .signedOut }
            cause = .changed
        case .rehash(let sequence):
            guard member.passwordSequence == sequence else { throw .signedOut }
            cause = .rehashed
        case .resetToken(let hash):
            guard self.member(resetTokenSHA256: hash, at: context.at)?.id == member.id else { throw .resetNotFound }
            cause = .reset
        }
        guard Base64.isCanonical(command.sealedVerifier) else {
            throw Refusal(.badRequest, "The sealed verifier must be base64.", field: "password")
        }
        let changed = MemberPasswordChanged(
            cause: cause, memberID: member.id, sealedVerifier: command.sealedVerifier)
        return [
            Decided(stream: member.customerID.text, event: .memberPasswordChanged(changed), id: command.eventID)
        ]
    }

    func issueReset(_ command: IssueReset, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard try authority(context) == nil else {
            throw Refusal(.forbidden, "Only the server's operator issues reset tokens.")
        }
        guard let member = members[command.memberID], !member.isRemoved else { throw .memberNotFound }
        guard command.expiresAt > context.at, resets[command.tokenSHA256] == nil else {
            throw Refusal(.conflict, "The token would be expired, or exists already. Try again.")
        }
        let issued = PasswordResetIssued(
            expiresAt: command.expiresAt, memberID: member.id, tokenSHA256: command.tokenSHA256)
        return [Decided(stream: member.customerID.text, event: .passwordResetIssued(issued))]
    }

    func changePlan(_ command: ChangePlan, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard try authority(context) == nil else {
            throw Refusal(.forbidden, "A plan is changed by payment or by the server's operator.")
        }
        guard let customer = customers[command.customerID] else { throw .customerNotFound }
        guard customer.tier != command.tier else {
            throw Refusal(.conflict, "This customer is on the \(command.tier.rawValue) plan already.")
        }
        return [
            Decided(
                stream: customer.id.text, event: .customerPlanChanged(CustomerPlanChanged(tier: command.tier)))
        ]
    }

    /// The member `id`, when whoever acts may change or remove them: not somebody who may do more than they.
    private func manageableMember(_ id: MemberID, _ context: DecisionContext) throws(Refusal) -> MemberRecord {
        let authority = try authority(context)
        try authority?.mayManageMembers()
        guard let member = members[id], !member.isRemoved,
            authority.map({ $0.customerID == member.customerID }) ?? true
        else { throw .memberNotFound }
        try authority?.mayGive(member.role)
        return member
    }
}

extension State {
    func startSignIn(_ command: StartSignIn, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let member = members[command.memberID], !member.isRemoved,
            member.passwordSequence == command.passwordSequence
        else { throw .signedOut }
        guard signIns[command.signInID] == nil, command.expiresAt > context.at else {
            throw Refusal(.conflict, "This sign-in exists already. Try again.")
        }
        let stream = member.customerID.text
        let living = member.signIns.filter { id in signIns[id].map { context.at < $0.expiresAt } ?? false }
        let ended = living.dropLast(MemberRecord.signInsMax - 1).map { id in
            Decided(stream: stream, event: .signInEnded(SignInEnded(cause: .tooMany, signInID: id)))
        }
        let started = SignInStarted(
            expiresAt: command.expiresAt, memberID: member.id, signInID: command.signInID)
        return ended + [Decided(stream: stream, event: .signInStarted(started))]
    }

    func refreshSignIn(_ command: RefreshSignIn, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let signIn = signIns[command.signInID], let member = members[signIn.memberID],
            command.generation <= signIn.generation
        else { throw .signedOut }
        let stream = member.customerID.text
        guard command.generation == signIn.generation else {
            let ended = SignInEnded(cause: .refreshTokenReused, signInID: signIn.id)
            return [Decided(stream: stream, event: .signInEnded(ended))]
        }
        guard context.at < signIn.expiresAt, context.at < command.expiresAt else { throw .signedOut }
        let refreshed = SignInRefreshed(
            expiresAt: command.expiresAt, generation: signIn.generation + 1, signInID: signIn.id)
        return [Decided(stream: stream, event: .signInRefreshed(refreshed))]
    }

    func endSignIn(_ id: SignInID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let signIn = signIns[id], let member = members[signIn.memberID] else { throw .signedOut }
        return [
            Decided(
                stream: member.customerID.text, event: .signInEnded(SignInEnded(cause: .signOut, signInID: id)))
        ]
    }
}

extension Authority {
    /// - Throws: `forbidden` for test keys: an organisation has no test members.
    func mayManageMembers() throws(Refusal) {
        guard environment == .live else {
            throw Refusal(
                .forbidden, "Members are managed with a live key, or signed in without `Nrx-Environment: test`.")
        }
    }

    /// Whoever gives, changes or takes a role must have every permission of it.
    ///
    /// - Throws: `forbidden`.
    func mayGive(_ role: Role) throws(Refusal) {
        guard permissions.isSuperset(of: role.permissions) else {
            throw Refusal(
                .forbidden, "The role \(role.rawValue) may do more than you. Ask somebody who has all its permissions.",
                field: "role")
        }
    }
}

extension Refusal {
    static let memberNotFound = Refusal(.notFound, "Member not found. Check the id.")
    static let invitationNotFound = Refusal(
        .notFound, "Invitation not found: it was accepted, revoked or has expired. Ask for another one.")
    static let resetNotFound = Refusal(
        .unauthorized, "This reset token is unknown, used up or expired. Ask the operator for another one.")
    static let signedOut = Refusal(.unauthorized, "This sign-in has ended. Sign in again.")
    static let lastOwner = Refusal(
        .conflict, "This is the organisation's last owner. Make another member owner first.")

    static func membersExceeded(limit: Int) -> Refusal {
        Refusal(
            .limitReached,
            "The plan's limit of \(limit) member\(limit == 1 ? "" : "s") is reached, open invitations included. "
                + "Remove a member, revoke an invitation, or upgrade.", exhausted: .members)
    }
}
