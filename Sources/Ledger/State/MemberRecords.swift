public import EventStore
public import Merkle

/// What the rules need to know of a member.
public struct MemberRecord: Sendable, Equatable {
    public let id: MemberID
    public let customerID: CustomerID
    public internal(set) var role: Role
    public internal(set) var isRemoved = false
    /// The event that set the password that holds now.
    public internal(set) var passwordSequence: UInt64
    /// Oldest first; expired ones are dropped when the member signs in again.
    var signIns: [SignInID] = []
    /// The one reset token that works.
    var reset: (tokenSHA256: Hash, expiresAt: Timestamp)?

    /// How many sign-ins of one member are kept; the oldest ends for one more.
    public static let signInsMax = 20

    init(id: MemberID, customerID: CustomerID, role: Role, passwordSequence: UInt64) {
        self.id = id
        self.customerID = customerID
        self.role = role
        self.passwordSequence = passwordSequence
    }

    public static func == (left: MemberRecord, right: MemberRecord) -> Bool {
        left.id == right.id && left.customerID == right.customerID && left.role == right.role
            && left.isRemoved == right.isRemoved && left.passwordSequence == right.passwordSequence
            && left.signIns == right.signIns && left.reset?.tokenSHA256 == right.reset?.tokenSHA256
            && left.reset?.expiresAt == right.reset?.expiresAt
    }
}

/// An invitation that was neither accepted nor revoked; it may have expired.
public struct InvitationRecord: Sendable, Equatable {
    public let id: InvitationID
    public let customerID: CustomerID
    public let role: Role
    public let tokenSHA256: Hash
    public let expiresAt: Timestamp

    /// How many open invitations a customer may have on a plan without a limit of members.
    public static let openMax = 1_000
}

/// A sign-in that goes on: a family of refresh tokens of which only the newest works.
public struct SignInRecord: Sendable, Equatable {
    public let id: SignInID
    public let memberID: MemberID
    /// Of the refresh token that works.
    public internal(set) var generation: Int64 = 0
    /// When that one expires.
    public internal(set) var expiresAt: Timestamp

    /// Whether an access token of `generation` still counts: the newest, and the one before it, so that requests that
    /// were under way while it was refreshed succeed.
    public func accepts(generation: Int64) -> Bool {
        generation == self.generation || generation == self.generation - 1
    }
}

extension State {
    /// The member called `id`, removed ones included, or nil.
    public func member(_ id: MemberID) -> MemberRecord? { members[id] }

    /// The ids of all members that were not removed, in no order.
    public var memberIDs: [MemberID] { members.values.filter { !$0.isRemoved }.map(\.id) }

    /// The members of `customer` that were not removed, in the order in which they came.
    public func members(of customer: CustomerID) -> [MemberRecord] {
        (customers[customer]?.members ?? []).compactMap { members[$0] }
    }

    /// The open invitation whose token has this SHA-256, or nil.
    public func invitation(tokenSHA256: Hash) -> InvitationRecord? {
        invitationsByToken[tokenSHA256].flatMap { invitations[$0] }
    }

    /// The invitations of `customer` that can still be accepted at `time`.
    public func openInvitations(of customer: CustomerID, at time: Timestamp) -> [InvitationRecord] {
        (customers[customer]?.invitations ?? []).compactMap { invitations[$0] }.filter { time < $0.expiresAt }
    }

    /// The member whose reset token has this SHA-256 and works at `time`, or nil.
    public func member(resetTokenSHA256: Hash, at time: Timestamp) -> MemberRecord? {
        guard let member = resets[resetTokenSHA256].flatMap({ members[$0] }), let reset = member.reset,
            time < reset.expiresAt
        else { return nil }
        return member
    }

    /// The member that an access token of `generation` of the sign-in `id` speaks for, or nil when it no longer counts.
    public func signedInMember(_ id: SignInID, generation: Int64) -> MemberRecord? {
        guard let signIn = signIns[id], signIn.accepts(generation: generation) else { return nil }
        return members[signIn.memberID]
    }

    /// The sign-in called `id` while it goes on.
    public func signIn(_ id: SignInID) -> SignInRecord? { signIns[id] }
}
