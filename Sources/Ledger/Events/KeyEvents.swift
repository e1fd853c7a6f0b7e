public import Proofs
public import CanonicalJSON
public import EventStore
public import Merkle

/// An API key was made. Stream: the customer. Of the key itself only a hash and what may be shown.
public struct KeyIssued: EventPayload {
    public static let type = "key.issued"
    public static let version = 1

    /// Where requests may come from; empty for anywhere.
    public var allowedAddresses: [AddressRange]
    public var customerID: CustomerID
    /// The beginning of the key, as lists show it, for example `nrx_live_a1b2`.
    public var display: String
    public var environment: KeyEnvironment
    /// The first moment at which the key no longer works; nil for never.
    public var expiresAt: Timestamp?
    public var keyID: KeyID
    /// Requests a month, at least 1; nil for what the plan allows.
    public var monthlyLimit: Int64?
    public var name: String
    public var permissions: Permissions
    public var prefix: KeyPrefix
    /// SHA-256 of the whole key.
    public var secretSHA256: Hash

    public init(
        customerID: CustomerID, display: String, environment: KeyEnvironment, expiresAt: Timestamp?, keyID: KeyID,
        name: String, permissions: Permissions, prefix: KeyPrefix, secretSHA256: Hash,
        allowedAddresses: [AddressRange] = [], monthlyLimit: Int64? = nil
    ) {
        self.allowedAddresses = allowedAddresses
        self.customerID = customerID
        self.display = display
        self.environment = environment
        self.expiresAt = expiresAt
        self.keyID = keyID
        self.monthlyLimit = monthlyLimit
        self.name = name
        self.permissions = permissions
        self.prefix = prefix
        self.secretSHA256 = secretSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        allowedAddresses = try reader.optionalAddressRanges("allowed_addresses") ?? []
        guard !allowedAddresses.isEmpty || data["allowed_addresses"] == nil else {
            throw PayloadError("allowed_addresses", .notAllowed)
        }
        customerID = try reader.identifier("customer_id")
        display = try reader.string("display")
        environment = try reader.parsed("environment", KeyEnvironment.init(rawValue:))
        expiresAt = try reader.optionalParsed("expires_at", Timestamp.init(canonical:))
        keyID = try reader.identifier("key_id")
        monthlyLimit = try reader.optionalCount("monthly_limit")
        guard monthlyLimit != 0 else { throw PayloadError("monthly_limit", .notAllowed) }
        name = try reader.string("name")
        let permissionNames = try reader.strings("permissions")
        prefix = try reader.parsed("prefix", KeyPrefix.init(rawValue:))
        secretSHA256 = try reader.hash("secret_sha256")
        try reader.finish()
        guard let permissions = Permissions(names: permissionNames), permissions.names == permissionNames else {
            throw PayloadError("permissions", .notAllowed)
        }
        self.permissions = permissions
        guard environment == prefix.environment else { throw PayloadError("environment", .notAllowed) }
    }

    public func write(to members: inout MemberWriter) {
        if !allowedAddresses.isEmpty { members.add("allowed_addresses", allowedAddresses.map(\.text)) }
        members.add("customer_id", customerID.text)
        members.add("display", display)
        members.add("environment", environment.rawValue)
        members.add("expires_at", expiresAt?.text)
        members.add("key_id", keyID.text)
        members.add("monthly_limit", monthlyLimit)
        members.add("name", name)
        members.add("permissions", permissions.names)
        members.add("prefix", prefix.rawValue)
        members.add("secret_sha256", secretSHA256.hex)
    }
}

/// An API key was ended, for ever. Stream: the customer.
public struct KeyRevoked: EventPayload {
    public static let type = "key.revoked"
    public static let version = 1

    public var keyID: KeyID

    public init(keyID: KeyID) { self.keyID = keyID }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        keyID = try reader.identifier("key_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("key_id", keyID.text)
    }
}

extension PayloadReader {
    /// Ranges of addresses, each in its canonical text.
    mutating func optionalAddressRanges(_ name: StaticString) throws(PayloadError) -> [AddressRange]? {
        guard let value = optionalValue(name) else { return nil }
        guard let elements = value.array else { throw PayloadError(name, .wrongKind) }
        var ranges: [AddressRange] = []
        for element in elements {
            guard let text = element.string else { throw PayloadError(name, .wrongKind) }
            do throws(AddressRange.Problem) { ranges.append(try AddressRange(text)) } catch {
                throw PayloadError(name, .notAllowed)
            }
            guard ranges.last?.text == text else { throw PayloadError(name, .notAllowed) }
        }
        return ranges
    }
}

extension Timestamp {
    /// Reads only what ``text`` writes.
    init?(canonical text: String) {
        guard let time = Timestamp(text), time.text == text else { return nil }
        self = time
    }
}
