public import CanonicalJSON
public import Merkle

/// A request with an `Idempotency-Key` took effect: in the same commit as its effect, so that a repeat finds either both
/// or neither. Holds for 24 hours. Stream: the customer.
public struct IdempotencyRecorded: EventPayload {
    public static let type = "idempotency.recorded"
    public static let version = 1

    /// The first answer, sealed so that only the holder of the idempotency key can open it, in base64; nil when it is
    /// content of a session, which is never in the log.
    public var answer: String?
    /// Keyed hash of the idempotency key and of whose it is.
    public var keySHA256: Hash
    /// Keyed hash of the request, so that the log tells nothing of it.
    public var requestSHA256: Hash

    public init(answer: String?, keySHA256: Hash, requestSHA256: Hash) {
        self.answer = answer
        self.keySHA256 = keySHA256
        self.requestSHA256 = requestSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        answer = try reader.optionalParsed("answer") { Base64.isCanonical($0) ? $0 : nil }
        keySHA256 = try reader.hash("key_sha256")
        requestSHA256 = try reader.hash("request_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("answer", answer)
        members.add("key_sha256", keySHA256.hex)
        members.add("request_sha256", requestSHA256.hex)
    }
}

/// What a remembered request began came to nothing, so a repeat may try again. Stream: the customer.
public struct IdempotencyReleased: EventPayload {
    public static let type = "idempotency.released"
    public static let version = 1

    public var keySHA256: Hash

    public init(keySHA256: Hash) { self.keySHA256 = keySHA256 }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        keySHA256 = try reader.hash("key_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("key_sha256", keySHA256.hex)
    }
}
