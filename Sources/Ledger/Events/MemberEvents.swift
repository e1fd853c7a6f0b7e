public import CanonicalJSON
public import EventStore
public import Merkle

/// Somebody became a member of an organisation. Stream: the customer. All that is personal is sealed to this event.
public struct MemberAdded: EventPayload {
    public static let type = "member.added"
    public static let version = 1

    /// The invitation that was accepted; nil for the one who signed up.
    public var invitationID: InvitationID?
    public var memberID: MemberID
    public var role: Role
    public var sealedEmail: String
    public var sealedName: String?
    /// The password's Argon2id verifier, sealed.
    public var sealedVerifier: String

    public init(
        invitationID: InvitationID?, memberID: MemberID, role: Role, sealedEmail: String, sealedName: String?,
        sealedVerifier: String
    ) {
        self.invitationID = invitationID
        self.memberID = memberID
        self.role = role
        self.sealedEmail = sealedEmail
        self.sealedName = sealedName
        self.sealedVerifier = sealedVerifier
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        invitationID = try reader.optionalIdentifier("invitation_id")
        memberID = try reader.identifier("member_id")
        role = try reader.parsed("role", Role.init(rawValue:))
        sealedEmail = try reader.sealed("sealed_email")
        sealedName = try reader.optionalParsed("sealed_name") { Base64.isCanonical($0) ? $0 : nil }
        sealedVerifier = try reader.sealed("sealed_verifier")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("invitation_id", invitationID?.text)
        members.add("member_id", memberID.text)
        members.add("role", role.rawValue)
        members.add("sealed_email", sealedEmail)
        members.add("sealed_name", sealedName)
        members.add("sealed_verifier", sealedVerifier)
    }
}

/// A member has another role from now on. Stream: the customer.
public struct MemberRoleChanged: EventPayload {
    public static let type = "member.role_changed"
    public static let version = 1

    public var memberID: MemberID
    public var role: Role

    public init(memberID: MemberID, role: Role) {
        self.memberID = memberID
        self.role = role
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        memberID = try reader.identifier("member_id")
        role = try reader.parsed("role", Role.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("member_id", memberID.text)
        members.add("role", role.rawValue)
    }
}

/// A member is none any more; all their sign-ins end with it. Stream: the customer.
public struct MemberRemoved: EventPayload {
    public static let type = "member.removed"
    public static let version = 1

    public var memberID: MemberID

    public init(memberID: MemberID) { self.memberID = memberID }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        memberID = try reader.identifier("member_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("member_id", memberID.text)
    }
}

/// Another verifier holds from now on. Stream: the customer. Unless the same password was only hashed again, all sign-ins
/// of the member end with it.
public struct MemberPasswordChanged: EventPayload {
    public static let type = "member.password_changed"
    public static let version = 1

    /// Why there is another verifier.
    public enum Cause: String, Sendable, CaseIterable {
        /// The member chose another password.
        case changed
        /// A reset token was used.
        case reset
        /// The same password under newer parameters.
        case rehashed
    }

    public var cause: Cause
    public var memberID: MemberID
    public var sealedVerifier: String

    public init(cause: Cause, memberID: MemberID, sealedVerifier: String) {
        self.cause = cause
        self.memberID = memberID
        self.sealedVerifier = sealedVerifier
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        cause = try reader.parsed("cause", Cause.init(rawValue:))
        memberID = try reader.identifier("member_id")
        sealedVerifier = try reader.sealed("sealed_verifier")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("cause", cause.rawValue)
        members.add("member_id", memberID.text)
        members.add("sealed_verifier", sealedVerifier)
    }
}

/// The operator issued a token with which a member may set another password, once. Stream: the customer.
public struct PasswordResetIssued: EventPayload {
    public static let type = "member.reset_issued"
    public static let version = 1

    /// The first moment at which the token no longer works.
    public var expiresAt: Timestamp
    public var memberID: MemberID
    /// SHA-256 of the whole token.
    public var tokenSHA256: Hash

    public init(expiresAt: Timestamp, memberID: MemberID, tokenSHA256: Hash) {
        self.expiresAt = expiresAt
        self.memberID = memberID
        self.tokenSHA256 = tokenSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        expiresAt = try reader.time("expires_at")
        memberID = try reader.identifier("member_id")
        tokenSHA256 = try reader.hash("token_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("expires_at", expiresAt.text)
        members.add("member_id", memberID.text)
        members.add("token_sha256", tokenSHA256.hex)
    }
}

extension PayloadReader {
    /// What the vault sealed, in base64.
    mutating func sealed(_ name: StaticString) throws(PayloadError) -> String {
        try parsed(name) { Base64.isCanonical($0) ? $0 : nil }
    }

    /// A moment in the log's own form.
    mutating func time(_ name: StaticString) throws(PayloadError) -> Timestamp {
        try parsed(name) { text in Timestamp(text).flatMap { $0.text == text ? $0 : nil } }
    }
}
