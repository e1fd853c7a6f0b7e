public import Proofs
public import CanonicalJSON
public import EventStore

/// A session's destruction was measured, asked for by its owner, by running out of memory or by the server's stop.
/// Stream: the session. The next event of the log is its proof.
public struct SessionDestroyed: EventPayload {
    public static let type = "session.destroyed"
    public static let version = 1

    /// The second that the proof names.
    public var destroyedAt: Timestamp
    /// Anything but `ttl`.
    public var trigger: DestructionTrigger

    public init(destroyedAt: Timestamp, trigger: DestructionTrigger) {
        self.destroyedAt = destroyedAt
        self.trigger = trigger
    }

    public init(data: JSONObject) throws(PayloadError) {
        (destroyedAt, trigger) = try SessionEnd.read(data, endingAs: .destroyed)
    }

    public func write(to members: inout MemberWriter) { SessionEnd.write(destroyedAt, trigger, to: &members) }
}

/// A session's time ran out and its destruction was measured. Stream: the session. The next event is its proof.
public struct SessionExpired: EventPayload {
    public static let type = "session.expired"
    public static let version = 1

    /// The second that the proof names.
    public var destroyedAt: Timestamp

    public init(destroyedAt: Timestamp) { self.destroyedAt = destroyedAt }

    public init(data: JSONObject) throws(PayloadError) {
        destroyedAt = try SessionEnd.read(data, endingAs: .expired).destroyedAt
    }

    public func write(to members: inout MemberWriter) { SessionEnd.write(destroyedAt, .timeToLive, to: &members) }
}

/// The members that both clean ends have.
private enum SessionEnd {
    static func read(
        _ data: JSONObject, endingAs status: SessionStatus
    ) throws(PayloadError) -> (destroyedAt: Timestamp, trigger: DestructionTrigger) {
        var reader = PayloadReader(data)
        let destroyedAt = try reader.parsed("destroyed_at") { text in
            Timestamp(text).flatMap { $0.secondsText == text ? $0 : nil }
        }
        let trigger = try reader.parsed("trigger", DestructionTrigger.init(rawValue:))
        try reader.finish()
        guard trigger.status == status else { throw PayloadError("trigger", .notAllowed) }
        return (destroyedAt, trigger)
    }

    static func write(_ destroyedAt: Timestamp, _ trigger: DestructionTrigger, to members: inout MemberWriter) {
        members.add("destroyed_at", destroyedAt.secondsText)
        members.add("trigger", trigger.rawValue)
    }
}

/// A session ended and nobody could measure its destruction whole, so there is no proof. Stream: the session.
public struct SessionExpiredUnclean: EventPayload {
    public static let type = "session.expired_unclean"
    public static let version = 1

    /// The step of the destruction that could not be measured, 1…8.
    public var failedStep: Int64?
    /// What is known all the same: names of `[a-z0-9_]` with counts or truth values, for example `processes_after`.
    public var known: JSONObject
    public var reason: UncleanReason

    public init(failedStep: Int64?, known: JSONObject, reason: UncleanReason) {
        self.failedStep = failedStep
        self.known = known
        self.reason = reason
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        failedStep = try reader.optionalCount("failed_step")
        known = try reader.object("known")
        reason = try reader.parsed("reason", UncleanReason.init(rawValue:))
        try reader.finish()
        guard failedStep.map({ (1...8).contains($0) }) ?? true else { throw PayloadError("failed_step", .notAllowed) }
        guard Self.isWithoutContent(known) else { throw PayloadError("known", .notAllowed) }
    }

    public func write(to members: inout MemberWriter) {
        members.add("failed_step", failedStep)
        members.add("known", .object(known))
        members.add("reason", reason.rawValue)
    }

    /// Most facts that ``known`` may hold.
    public static let knownFactsMax = 32

    /// Whether `known` holds only plain names with numbers and truth values, so that no content can be in it.
    static func isWithoutContent(_ known: JSONObject) -> Bool {
        known.members.count <= knownFactsMax
            && known.members.allSatisfy { member in
                let isPlainName =
                    (1...64).contains(member.name.utf8.count)
                    && member.name.utf8.allSatisfy { character in
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character) || character == UInt8(ascii: "_")
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
                    }
                return isPlainName && (member.value.integer != nil || member.value.bool != nil)
            }
    }
}
