public import CanonicalJSON
public import EventStore
public import Merkle

/// An API key got a new secret under the same id. Stream: the customer.
public struct KeyRotated: EventPayload {
    public static let type = "key.rotated"
    public static let version = 1

    /// The beginning of the new secret.
    public var display: String
    public var keyID: KeyID
    /// The first moment at which the secret before no longer works; nil ends it, and every older one, at once.
    public var previousEndsAt: Timestamp?
    /// SHA-256 of the whole new key.
    public var secretSHA256: Hash

    public init(display: String, keyID: KeyID, previousEndsAt: Timestamp?, secretSHA256: Hash) {
        self.display = display
        self.keyID = keyID
        self.previousEndsAt = previousEndsAt
        self.secretSHA256 = secretSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        display = try reader.string("display")
        keyID = try reader.identifier("key_id")
        previousEndsAt = try reader.optionalParsed("previous_ends_at", Timestamp.init(canonical:))
        secretSHA256 = try reader.hash("secret_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("display", display)
        members.add("key_id", keyID.text)
        members.add("previous_ends_at", previousEndsAt?.text)
        members.add("secret_sha256", secretSHA256.hex)
    }
}

/// An API key was renamed or bound otherwise. Stream: the customer. What is absent stays as it was.
public struct KeyChanged: EventPayload {
    public static let type = "key.changed"
    public static let version = 1

    /// A limit that is set, or taken away.
    public enum MonthlyLimit: Sendable, Equatable {
        /// At least 1.
        case requests(Int64)
        /// What the plan allows.
        case none

        /// The number, if there is one.
        public var requests: Int64? { if case .requests(let number) = self { number } else { nil } }
    }

    /// Empty for anywhere.
    public var allowedAddresses: [AddressRange]?
    public var keyID: KeyID
    public var monthlyLimit: MonthlyLimit?
    public var name: String?

    public init(
        keyID: KeyID, name: String? = nil, allowedAddresses: [AddressRange]? = nil, monthlyLimit: MonthlyLimit? = nil
    ) {
        self.keyID = keyID
        self.name = name
        self.allowedAddresses = allowedAddresses
        self.monthlyLimit = monthlyLimit
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        allowedAddresses = try reader.optionalAddressRanges("allowed_addresses")
        keyID = try reader.identifier("key_id")
        if let value = reader.optionalValue("monthly_limit") {
            switch value {
            case .null: monthlyLimit = MonthlyLimit.none
            default:
                guard let number = value.integer else { throw PayloadError("monthly_limit", .wrongKind) }
                guard number >= 1 else { throw PayloadError("monthly_limit", .notAllowed) }
                monthlyLimit = .requests(number)
            }
        }
        name = try reader.optionalParsed("name") { $0 }
        try reader.finish()
        guard allowedAddresses != nil || monthlyLimit != nil || name != nil else {
            throw PayloadError("name", .missing)
        }
    }

    public func write(to members: inout MemberWriter) {
        if let allowedAddresses { members.add("allowed_addresses", allowedAddresses.map(\.text)) }
        members.add("key_id", keyID.text)
        members.add("monthly_limit", monthlyLimit.map { $0.requests.map { .integer($0) } ?? .null })
        members.add("name", name)
    }
}

/// Requests with an API key were refused; at most once a day for each key and reason, so that nobody can fill the log
/// with a dead key. Stream: the customer.
public struct KeyRefused: EventPayload {
    public static let type = "key.refused"
    public static let version = 1

    public var keyID: KeyID
    /// One that names a key.
    public var reason: KeyRefusal

    public init(keyID: KeyID, reason: KeyRefusal) {
        self.keyID = keyID
        self.reason = reason
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        keyID = try reader.identifier("key_id")
        reason = try reader.parsed("reason") { KeyRefusal(rawValue: $0).flatMap { $0.namesAKey ? $0 : nil } }
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("key_id", keyID.text)
        members.add("reason", reason.rawValue)
    }
}
