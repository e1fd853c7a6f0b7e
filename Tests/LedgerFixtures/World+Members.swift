public import EventStore
public import Ledger
public import Merkle

extension World {
    public mutating func newMember(_ id: MemberID? = nil) -> NewMember {
        NewMember(
            id: id ?? MemberID(using: &generator), eventID: EventID(using: &generator), sealedEmail: "c2VhbGVk",
            sealedVerifier: "c2VhbGVk")
    }

    public mutating func token() -> Hash { Hash(of: EventID(using: &generator).text.utf8.map { $0 }) }

    /// A customer with a first member, who is owner.
    public mutating func signUpWithOwner(tier: Tier = .enterprise) throws(Refusal) -> (
        customer: CustomerID, key: KeyID, owner: MemberID
    ) {
        let customer = CustomerID(using: &generator)
        let (key, owner) = (newKey(), newMember())
        try run(
            .signUp(
                SignUp(
                    customerID: customer, eventID: EventID(using: &generator), sealedEmail: "c2VhbGVk", tier: tier,
                    key: key, owner: owner)))
        return (customer, key.id, owner.id)
    }

    public mutating func invitation(_ customer: CustomerID, _ role: Role, token: Hash) -> InviteMember {
        InviteMember(
            customerID: customer, invitationID: InvitationID(using: &generator), eventID: EventID(using: &generator),
            role: role, sealedEmail: "c2VhbGVk", tokenSHA256: token, expiresAt: now.adding(seconds: 86_400))
    }

    /// Invites somebody and accepts.
    public mutating func addMember(
        _ customer: CustomerID, _ role: Role, by actor: Actor = .operator
    ) throws(Refusal) -> MemberID {
        let token = token()
        try run(.inviteMember(invitation(customer, role, token: token)), as: actor)
        let member = newMember()
        try run(.acceptInvitation(AcceptInvitation(tokenSHA256: token, member: member)))
        return member.id
    }

    public func startSignIn(_ id: SignInID, _ member: MemberID) -> StartSignIn {
        StartSignIn(
            signInID: id, memberID: member, passwordSequence: state.member(member)?.passwordSequence ?? 0,
            expiresAt: now.adding(seconds: 7 * 86_400))
    }

    public mutating func signIn(_ member: MemberID) throws(Refusal) -> SignInID {
        let id = SignInID(using: &generator)
        try run(.startSignIn(startSignIn(id, member)))
        return id
    }

    @discardableResult
    public mutating func refresh(_ id: SignInID, generation: Int64) throws(Refusal) -> [LedgerEvent] {
        try run(
            .refreshSignIn(
                RefreshSignIn(signInID: id, generation: generation, expiresAt: now.adding(seconds: 7 * 86_400))))
    }
}
