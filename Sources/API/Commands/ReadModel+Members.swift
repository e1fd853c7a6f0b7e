import Ledger
import Projections
import Proofs

extension ReadModel {
    /// Every customer, newest first; for the operator.
    func customers(_ page: PageRequest) throws(APIError) -> Page<CustomerView> {
        var after: CustomerID?
        if let text = page.startingAfter {
            guard let id = CustomerID(text) else { throw .unknownCursor }
            after = id
        }
        return try reading { () throws(ProjectionError) in try store.customers(after: after, limit: page.limit) }
    }

    /// The member that the caller is.
    func member(of caller: Principal) throws(APIError) -> MemberView {
        guard let id = caller.memberID else { throw .signedOut }
        return try signedInMember(id)
    }

    /// A member who has just shown who they are.
    func signedInMember(_ id: MemberID) throws(APIError) -> MemberView {
        guard let member = try member(id) else { throw .signedOut }
        return member
    }

    /// The member called `id` unless they were removed; whose it is must be checked by the caller.
    func member(_ id: MemberID) throws(APIError) -> MemberView? {
        try reading { () throws(ProjectionError) in try store.member(id) }
    }

    /// One of the caller's members.
    func member(_ id: MemberID, for caller: Principal) throws(APIError) -> MemberView {
        try caller.requireLive()
        guard let member = try member(id), member.customerID == caller.customerID else { throw .memberNotFound }
        return member
    }

    /// The caller's members, newest first.
    func members(of caller: Principal, _ page: PageRequest) throws(APIError) -> Page<MemberView> {
        try caller.requireLive()
        var after: MemberID?
        if let text = page.startingAfter {
            guard let id = MemberID(text), try member(id)?.customerID == caller.customerID else { throw .unknownCursor }
            after = id
        }
        return try reading { () throws(ProjectionError) in
            try store.members(of: caller.customerID, after: after, limit: page.limit)
        }
    }

    /// The invitation called `id`; whose it is must be checked by the caller.
    func invitation(_ id: InvitationID) throws(APIError) -> InvitationView? {
        try reading { () throws(ProjectionError) in try store.invitation(id) }
    }

    /// One of the caller's invitations.
    func invitation(_ id: InvitationID, for caller: Principal) throws(APIError) -> InvitationView {
        try caller.requireLive()
        guard let invitation = try invitation(id), invitation.customerID == caller.customerID else {
            throw .invitationNotFound
        }
        return invitation
    }

    /// The caller's invitations, newest first.
    func invitations(of caller: Principal, _ page: PageRequest) throws(APIError) -> Page<InvitationView> {
        try caller.requireLive()
        var after: InvitationID?
        if let text = page.startingAfter {
            guard let id = InvitationID(text), try invitation(id)?.customerID == caller.customerID else {
                throw .unknownCursor
            }
            after = id
        }
        return try reading { () throws(ProjectionError) in
            try store.invitations(of: caller.customerID, after: after, limit: page.limit)
        }
    }
}

extension Principal {
    /// An organisation has no test members: test keys learn nothing of it.
    ///
    /// - Throws: `forbidden`.
    fileprivate func requireLive() throws(APIError) {
        guard environment == .live else {
            throw APIError(
                .forbidden, "Members are managed with a live key, or signed in without `Nrx-Environment: test`.")
        }
    }
}

extension APIError {
    static let memberNotFound = APIError(.notFound, "Member not found. Check the id.")
    static let invitationNotFound = APIError(
        .notFound, "Invitation not found: it was accepted, revoked or has expired. Ask for another one.")
}
