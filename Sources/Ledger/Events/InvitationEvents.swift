public import CanonicalJSON
public import EventStore
public import Merkle

/// Somebody was invited to an organisation. Stream: the customer. Of the token only its hash.
public struct InvitationCreated: EventPayload {
    public static let type = "invitation.created"
    public static let version = 1

    /// The first moment at which it can no longer be accepted.
    public var expiresAt: Timestamp
    public var invitationID: InvitationID
    public var role: Role
    public var sealedEmail: String
    /// SHA-256 of the whole token.
    public var tokenSHA256: Hash

    public init(
        expiresAt: Timestamp, invitationID: InvitationID, role: Role, sealedEmail: String, tokenSHA256: Hash
    ) {
        self.expiresAt = expiresAt
        self.invitationID = invitationID
        self.role = role
        self.sealedEmail = sealedEmail
        self.tokenSHA256 = tokenSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        expiresAt = try reader.time("expires_at")
        invitationID = try reader.identifier("invitation_id")
        role = try reader.parsed("role", Role.init(rawValue:))
        sealedEmail = try reader.sealed("sealed_email")
        tokenSHA256 = try reader.hash("token_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("expires_at", expiresAt.text)
        members.add("invitation_id", invitationID.text)
        members.add("role", role.rawValue)
        members.add("sealed_email", sealedEmail)
        members.add("token_sha256", tokenSHA256.hex)
    }
}

/// An invitation was taken back. Stream: the customer.
public struct InvitationRevoked: EventPayload {
    public static let type = "invitation.revoked"
    public static let version = 1

    public var invitationID: InvitationID

    public init(invitationID: InvitationID) { self.invitationID = invitationID }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        invitationID = try reader.identifier("invitation_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("invitation_id", invitationID.text)
    }
}
