public import EventStore
public import Merkle

/// Somebody who is about to become a member. What is personal was sealed to `eventID` before.
public struct NewMember: Sendable {
    public var id: MemberID
    /// The id that the event will have.
    public var eventID: EventID
    public var sealedEmail: String
    public var sealedName: String?
    public var sealedVerifier: String

    public init(
        id: MemberID, eventID: EventID, sealedEmail: String, sealedName: String? = nil, sealedVerifier: String
    ) {
        self.id = id
        self.eventID = eventID
        self.sealedEmail = sealedEmail
        self.sealedName = sealedName
        self.sealedVerifier = sealedVerifier
    }
}

/// An invitation to an organisation; never to a role that may do more than whoever invites.
public struct InviteMember: Sendable {
    public var customerID: CustomerID
    public var invitationID: InvitationID
    /// The id that the event will have: the e-mail is sealed to it.
    public var eventID: EventID
    public var role: Role
    public var sealedEmail: String
    /// SHA-256 of the token that only the invited gets.
    public var tokenSHA256: Hash
    public var expiresAt: Timestamp

    public init(
        customerID: CustomerID, invitationID: InvitationID, eventID: EventID, role: Role, sealedEmail: String,
        tokenSHA256: Hash, expiresAt: Timestamp
    ) {
        self.customerID = customerID
        self.invitationID = invitationID
        self.eventID = eventID
        self.role = role
        self.sealedEmail = sealedEmail
        self.tokenSHA256 = tokenSHA256
        self.expiresAt = expiresAt
    }
}

/// Whoever has the token becomes a member, once.
public struct AcceptInvitation: Sendable {
    public var tokenSHA256: Hash
    public var member: NewMember

    public init(tokenSHA256: Hash, member: NewMember) {
        self.tokenSHA256 = tokenSHA256
        self.member = member
    }
}

/// Another role for a member.
public struct ChangeRole: Sendable {
    public var memberID: MemberID
    public var role: Role

    public init(memberID: MemberID, role: Role) {
        self.memberID = memberID
        self.role = role
    }
}

/// Another verifier for a member, on the strength of a password or a reset token that was just checked.
public struct ChangePassword: Sendable {
    /// What was checked, and must still hold when this is decided.
    public enum Proof: Sendable {
        /// The password that this event set.
        case password(setBy: UInt64)
        /// The same password, hashed again.
        case rehash(setBy: UInt64)
        /// The token with this SHA-256.
        case resetToken(Hash)
    }

    public var memberID: MemberID
    public var eventID: EventID
    public var sealedVerifier: String
    public var proof: Proof

    public init(memberID: MemberID, eventID: EventID, sealedVerifier: String, proof: Proof) {
        self.memberID = memberID
        self.eventID = eventID
        self.sealedVerifier = sealedVerifier
        self.proof = proof
    }
}

/// A token with which a member may set another password; it replaces an earlier one.
public struct IssueReset: Sendable {
    public var memberID: MemberID
    public var tokenSHA256: Hash
    public var expiresAt: Timestamp

    public init(memberID: MemberID, tokenSHA256: Hash, expiresAt: Timestamp) {
        self.memberID = memberID
        self.tokenSHA256 = tokenSHA256
        self.expiresAt = expiresAt
    }
}

/// A sign-in of a member whose password was just checked.
public struct StartSignIn: Sendable {
    public var signInID: SignInID
    public var memberID: MemberID
    /// The event that set the password that was checked: refused when another one was set meanwhile.
    public var passwordSequence: UInt64
    public var expiresAt: Timestamp

    public init(signInID: SignInID, memberID: MemberID, passwordSequence: UInt64, expiresAt: Timestamp) {
        self.signInID = signInID
        self.memberID = memberID
        self.passwordSequence = passwordSequence
        self.expiresAt = expiresAt
    }
}

/// The next refresh token of a family. An older one that comes again ends the family: the answer is then `sign_in.ended`.
public struct RefreshSignIn: Sendable {
    public var signInID: SignInID
    /// Of the token that was presented.
    public var generation: Int64
    /// Of the next one.
    public var expiresAt: Timestamp

    public init(signInID: SignInID, generation: Int64, expiresAt: Timestamp) {
        self.signInID = signInID
        self.generation = generation
        self.expiresAt = expiresAt
    }
}

/// Another plan for a customer; the operator's and the payment system's only.
public struct ChangePlan: Sendable {
    public var customerID: CustomerID
    public var tier: Tier

    public init(customerID: CustomerID, tier: Tier) {
        self.customerID = customerID
        self.tier = tier
    }
}
