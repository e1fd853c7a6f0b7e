public import CanonicalJSON
public import EventStore

/// The first event of every log, written by the event store: which log this is and whose signature counts.
public struct LogCreated: EventPayload {
    public static let type = "log.created"
    public static let version = 1

    /// Version of the format on disk (docs/log-format.md).
    public var format: Int64
    /// The name under which the log's checkpoints are signed.
    public var origin: String
    /// The C2SP verifier key of the log.
    public var verifierKey: String
    /// The key that may put another in the place of a lost one, and the log key's signature for it; nil for none.
    public var recovery: Recovery?

    /// Both as text: the event store, which writes them, verifies them.
    public struct Recovery: Sendable, Equatable {
        public var key: String
        public var signature: String

        public init(key: String, signature: String) { (self.key, self.signature) = (key, signature) }
    }

    public init(format: Int64, origin: String, verifierKey: String, recovery: Recovery? = nil) {
        self.format = format
        self.origin = origin
        self.verifierKey = verifierKey
        self.recovery = recovery
    }

    /// The log's keys as they begin; nil where the key is none, or did not sign for the recovery key.
    var keys: LogKeyHistory? {
        guard let key = VerifierKey(verifierKey) else { return nil }
        do throws(NoteError) {
            return try LogKeyHistory(first: key, recovery: try RecoveryEndorsement.read(data, logKey: key))
        } catch { return nil }
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        format = try reader.count("format")
        origin = try reader.string("origin")
        recovery = try reader.recovery()
        verifierKey = try reader.string("verifier_key")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("format", format)
        members.add("origin", origin)
        members.add("recovery_key", recovery?.key)
        members.add("recovery_signature", recovery?.signature)
        members.add("verifier_key", verifierKey)
    }
}

/// The log goes on under another key, by leave of the one before it; written by the event store. Stream: `log`.
public struct LogKeyRotated: LogKeyChange {
    public static let type = LogKeyRotation.type
    static let memberNames: [StaticString] = [
        "last_size", "new_signature", "new_verifier_key", "old_signature", "old_verifier_key",
    ]

    public var rotation: LogKeyRotation

    public init(rotation: LogKeyRotation) { self.rotation = rotation }
}

/// The log goes on under another key, by leave of its recovery key; written by the event store. Stream: `log`.
public struct LogKeyRecovered: LogKeyChange {
    public static let type = LogKeyRotation.recoveryType
    static let memberNames: [StaticString] = [
        "endorser_key", "endorser_signature", "last_size", "new_signature", "new_verifier_key", "old_verifier_key",
    ]

    public var rotation: LogKeyRotation

    public init(rotation: LogKeyRotation) { self.rotation = rotation }
}

/// What both have in common.
public protocol LogKeyChange: EventPayload {
    var rotation: LogKeyRotation { get }
    init(rotation: LogKeyRotation)
}

extension LogKeyChange {
    public static var version: Int { LogKeyRotation.version }

    public func write(to members: inout MemberWriter) { rotation.data.write(to: &members) }

    public init(data: JSONObject) throws(PayloadError) {
        guard let rotation = LogKeyRotation(data: data), rotation.type == Self.type else {
            throw Self.firstProblem(in: data)
        }
        self.init(rotation: rotation)
    }

    /// Names the member that is wrong.
    private static func firstProblem(in data: JSONObject) -> PayloadError {
        let names =
            type == LogKeyRotation.type
            ? LogKeyRotated.memberNames : LogKeyRecovered.memberNames
        var reader = PayloadReader(data)
        do throws(PayloadError) {
            for name in names {
                if name.description == "last_size" { _ = try reader.count(name) } else { _ = try reader.string(name) }
            }
            _ = try reader.recovery()
            try reader.finish()
        } catch { return error }
        // Every member is there and of its kind; only what it says can be wrong.
        return PayloadError("new_verifier_key", .notAllowed)
    }
}

extension PayloadReader {
    /// The two members that name a recovery key: both or none.
    fileprivate mutating func recovery() throws(PayloadError) -> LogCreated.Recovery? {
        guard let key = try optionalString("recovery_key") else {
            guard optionalValue("recovery_signature") == nil else { throw PayloadError("recovery_key", .missing) }
            return nil
        }
        return LogCreated.Recovery(key: key, signature: try string("recovery_signature"))
    }
}
