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

    public init(format: Int64, origin: String, verifierKey: String) {
        self.format = format
        self.origin = origin
        self.verifierKey = verifierKey
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        format = try reader.count("format")
        origin = try reader.string("origin")
        verifierKey = try reader.string("verifier_key")
        try reader.finish()
    }

    public var data: JSONObject {
        JSONObject(inOrder: [
            "format": .integer(format), "origin": .string(origin), "verifier_key": .string(verifierKey),
        ])
    }
}

/// The log goes on under another key; written by the event store. Stream: `log`.
public struct LogKeyRotated: EventPayload {
    public static let type = LogKeyRotation.type
    public static let version = LogKeyRotation.version

    public var rotation: LogKeyRotation

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        _ = try reader.count("last_size")
        for name in ["new_signature", "new_verifier_key", "old_signature", "old_verifier_key"] {
            _ = try reader.string(name)
        }
        try reader.finish()
        // Every member is there and of its kind; only what it says can be wrong.
        guard let rotation = LogKeyRotation(data: data) else { throw PayloadError("new_verifier_key", .notAllowed) }
        self.rotation = rotation
    }

    public init(rotation: LogKeyRotation) { self.rotation = rotation }

    public var data: JSONObject { rotation.data }
}
