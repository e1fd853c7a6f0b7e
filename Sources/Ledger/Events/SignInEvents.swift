public import CanonicalJSON
public import EventStore

/// A member signed in: a family of refresh tokens begins with generation 0. Stream: the customer.
public struct SignInStarted: EventPayload {
    public static let type = "sign_in.started"
    public static let version = 1

    /// The first moment at which its refresh token no longer works.
    public var expiresAt: Timestamp
    public var memberID: MemberID
    public var signInID: SignInID

    public init(expiresAt: Timestamp, memberID: MemberID, signInID: SignInID) {
        self.expiresAt = expiresAt
        self.memberID = memberID
        self.signInID = signInID
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        expiresAt = try reader.time("expires_at")
        memberID = try reader.identifier("member_id")
        signInID = try reader.identifier("sign_in_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("expires_at", expiresAt.text)
        members.add("member_id", memberID.text)
        members.add("sign_in_id", signInID.text)
    }
}

/// A refresh token was used for the next one. Stream: the customer.
public struct SignInRefreshed: EventPayload {
    public static let type = "sign_in.refreshed"
    public static let version = 1

    public var expiresAt: Timestamp
    /// Of the new refresh token; the one before it is used up.
    public var generation: Int64
    public var signInID: SignInID

    public init(expiresAt: Timestamp, generation: Int64, signInID: SignInID) {
        self.expiresAt = expiresAt
        self.generation = generation
        self.signInID = signInID
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        expiresAt = try reader.time("expires_at")
        generation = try reader.count("generation")
        signInID = try reader.identifier("sign_in_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("expires_at", expiresAt.text)
        members.add("generation", generation)
        members.add("sign_in_id", signInID.text)
    }
}

/// A sign-in ended before its time, with every token that came of it. Stream: the customer.
public struct SignInEnded: EventPayload {
    public static let type = "sign_in.ended"
    public static let version = 1

    /// Why it ended.
    public enum Cause: String, Sendable, CaseIterable {
        case signOut = "sign_out"
        /// A refresh token came a second time: one of the two who used it has stolen it.
        case refreshTokenReused = "refresh_token_reused"
        /// The member has signed in at more places than are kept.
        case tooMany = "too_many"
    }

    public var cause: Cause
    public var signInID: SignInID

    public init(cause: Cause, signInID: SignInID) {
        self.cause = cause
        self.signInID = signInID
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        cause = try reader.parsed("cause", Cause.init(rawValue:))
        signInID = try reader.identifier("sign_in_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("cause", cause.rawValue)
        members.add("sign_in_id", signInID.text)
    }
}
