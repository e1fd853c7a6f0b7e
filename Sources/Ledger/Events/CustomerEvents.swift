public import Proofs
public import CanonicalJSON

/// Somebody signed up. Stream: the customer.
public struct CustomerCreated: EventPayload {
    public static let type = "customer.created"
    public static let version = 1

    public var jurisdiction: Jurisdiction
    /// The e-mail, sealed under the customer's data key, in base64; opaque to everything but the vault.
    public var sealedEmail: String
    public var tier: Tier

    public init(jurisdiction: Jurisdiction, sealedEmail: String, tier: Tier) {
        self.jurisdiction = jurisdiction
        self.sealedEmail = sealedEmail
        self.tier = tier
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        jurisdiction = try reader.parsed("jurisdiction", Jurisdiction.init(rawValue:))
        sealedEmail = try reader.parsed("sealed_email") { Base64.isCanonical($0) ? $0 : nil }
        tier = try reader.parsed("tier", Tier.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("jurisdiction", jurisdiction.rawValue)
        members.add("sealed_email", sealedEmail)
        members.add("tier", tier.rawValue)
    }
}

/// A customer is on another plan from now on. Stream: the customer.
public struct CustomerPlanChanged: EventPayload {
    public static let type = "customer.plan_changed"
    public static let version = 1

    public var tier: Tier

    public init(tier: Tier) { self.tier = tier }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        tier = try reader.parsed("tier", Tier.init(rawValue:))
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("tier", tier.rawValue)
    }
}
