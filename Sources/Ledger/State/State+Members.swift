import EventStore
import Merkle

extension State {
    mutating func apply(_ event: MemberAdded, _ place: Place) throws(ReplayError) {
        let customer = try streamCustomer(place)
        guard members[event.memberID] == nil else { throw place.error(.reference, "this member exists already") }
        if let id = event.invitationID {
            guard let invitation = invitations[id], invitation.customerID == customer else {
                throw place.error(.reference, "there is no such open invitation")
            }
            guard place.at < invitation.expiresAt else { throw place.error(.transition, "the invitation has expired") }
            guard invitation.role == event.role else {
                throw place.error(.reference, "the invitation was for another role")
            }
            close(invitation)
        }
        members[event.memberID] = MemberRecord(
            id: event.memberID, customerID: customer, role: event.role, passwordSequence: place.sequence)
        customers[customer]?.members.append(event.memberID)
    }

    mutating func apply(_ event: MemberRoleChanged, _ place: Place) throws(ReplayError) {
        let member = try presentMember(event.memberID, place)
        guard member.role != event.role else { throw place.error(.transition, "the member has this role already") }
        guard event.role == .owner || !isLastOwner(member) else {
            throw place.error(.transition, "the last owner stays owner")
        }
        members[member.id]?.role = event.role
    }

    mutating func apply(_ event: MemberRemoved, _ place: Place) throws(ReplayError) {
        let member = try presentMember(event.memberID, place)
        guard !isLastOwner(member) else { throw place.error(.transition, "the last owner stays") }
        endAllSignIns(of: member)
        forgetReset(of: member)
        members[member.id]?.isRemoved = true
        customers[member.customerID]?.members.removeAll { $0 == member.id }
    }

    mutating func apply(_ event: MemberPasswordChanged, _ place: Place) throws(ReplayError) {
        let member = try presentMember(event.memberID, place)
        switch event.cause {
        case .rehashed: break
        case .reset:
            guard let reset = member.reset, place.at < reset.expiresAt else {
                throw place.error(.transition, "no reset token works")
            }
            fallthrough
        case .changed:
            endAllSignIns(of: member)
            forgetReset(of: member)
        }
        members[member.id]?.passwordSequence = place.sequence
    }

    mutating func apply(_ event: PasswordResetIssued, _ place: Place) throws(ReplayError) {
        let member = try presentMember(event.memberID, place)
        guard resets[event.tokenSHA256] == nil else { throw place.error(.reference, "this token exists already") }
        guard place.at < event.expiresAt else { throw place.error(.counter, "the token would be expired already") }
        forgetReset(of: member)
        members[member.id]?.reset = (event.tokenSHA256, event.expiresAt)
        resets[event.tokenSHA256] = member.id
    }

    mutating func apply(_ event: InvitationCreated, _ place: Place) throws(ReplayError) {
        let customer = try streamCustomer(place)
        guard invitations[event.invitationID] == nil, invitationsByToken[event.tokenSHA256] == nil else {
            throw place.error(.reference, "this invitation exists already")
        }
        guard place.at < event.expiresAt else { throw place.error(.counter, "it would be expired already") }
        for id in customers[customer]?.invitations ?? [] {
            if let old = invitations[id], old.expiresAt <= place.at { close(old) }
        }
        invitations[event.invitationID] = InvitationRecord(
            id: event.invitationID, customerID: customer, role: event.role, tokenSHA256: event.tokenSHA256,
            expiresAt: event.expiresAt)
        invitationsByToken[event.tokenSHA256] = event.invitationID
        customers[customer]?.invitations.append(event.invitationID)
    }

    mutating func apply(_ event: InvitationRevoked, _ place: Place) throws(ReplayError) {
        let customer = try streamCustomer(place)
        guard let invitation = invitations[event.invitationID], invitation.customerID == customer else {
            throw place.error(.reference, "there is no such open invitation")
        }
        close(invitation)
    }

    mutating func apply(_ event: CustomerPlanChanged, _ place: Place) throws(ReplayError) {
        let customer = try streamCustomer(place)
        guard customers[customer]?.tier != event.tier else {
            throw place.error(.transition, "the customer is on this plan already")
        }
        customers[customer]?.tier = event.tier
    }

    /// Whether `member` is the only owner that their organisation has.
    func isLastOwner(_ member: MemberRecord) -> Bool {
        member.role == .owner && !members(of: member.customerID).contains { $0.role == .owner && $0.id != member.id }
    }

    mutating func close(_ invitation: InvitationRecord) {
        invitations[invitation.id] = nil
        invitationsByToken[invitation.tokenSHA256] = nil
        customers[invitation.customerID]?.invitations.removeAll { $0 == invitation.id }
    }

    mutating func forgetReset(of member: MemberRecord) {
        if let reset = member.reset { resets[reset.tokenSHA256] = nil }
        members[member.id]?.reset = nil
    }

    mutating func endAllSignIns(of member: MemberRecord) {
        for id in member.signIns { signIns[id] = nil }
        members[member.id]?.signIns = []
    }

    private func presentMember(_ id: MemberID, _ place: Place) throws(ReplayError) -> MemberRecord {
        let customer = try streamCustomer(place)
        guard let member = members[id], member.customerID == customer, !member.isRemoved else {
            throw place.error(.reference, "this customer has no such member")
        }
        return member
    }

    func streamCustomer(_ place: Place) throws(ReplayError) -> CustomerID {
        let id = try place.streamID(CustomerID.self)
        guard customers[id] != nil else { throw place.error(.reference, "there is no such customer") }
        return id
    }
}

extension State {
    mutating func apply(_ event: SignInStarted, _ place: Place) throws(ReplayError) {
        let member = try presentMember(event.memberID, place)
        guard signIns[event.signInID] == nil else { throw place.error(.reference, "this sign-in exists already") }
        guard place.at < event.expiresAt else { throw place.error(.counter, "it would be expired already") }
        var kept: [SignInID] = []
        for id in member.signIns {
            if let old = signIns[id], old.expiresAt > place.at { kept.append(id) } else { signIns[id] = nil }
        }
        members[member.id]?.signIns = kept + [event.signInID]
        signIns[event.signInID] = SignInRecord(
            id: event.signInID, memberID: member.id, expiresAt: event.expiresAt)
    }

    mutating func apply(_ event: SignInRefreshed, _ place: Place) throws(ReplayError) {
        var signIn = try presentSignIn(event.signInID, place)
        guard event.generation == signIn.generation + 1 else {
            throw place.error(.counter, "the refresh token before it has generation \(signIn.generation)")
        }
        guard place.at < signIn.expiresAt, place.at < event.expiresAt else {
            throw place.error(.transition, "the refresh token has expired")
        }
        signIn.generation = event.generation
        signIn.expiresAt = event.expiresAt
        signIns[signIn.id] = signIn
    }

    mutating func apply(_ event: SignInEnded, _ place: Place) throws(ReplayError) {
        let signIn = try presentSignIn(event.signInID, place)
        signIns[signIn.id] = nil
        members[signIn.memberID]?.signIns.removeAll { $0 == signIn.id }
    }

    private func presentSignIn(_ id: SignInID, _ place: Place) throws(ReplayError) -> SignInRecord {
        guard let signIn = signIns[id] else { throw place.error(.reference, "there is no such sign-in") }
        _ = try presentMember(signIn.memberID, place)
        return signIn
    }
}
