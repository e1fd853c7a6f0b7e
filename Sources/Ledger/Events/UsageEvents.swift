public import CanonicalJSON

/// Requests of a key, counted in blocks: a block is reserved before it is used, and a clean stop returns the rest; after
/// a crash the whole block counts as used. Stream: the customer.
public struct UsageTick: EventPayload {
    public static let type = "usage.tick"
    public static let version = 1

    /// Requests set aside or given back; at least 1.
    public enum Change: Sendable, Equatable {
        case reserved(Int64)
        case returned(Int64)
    }

    public var change: Change
    public var customerID: CustomerID
    /// `YYYY-MM-DD` in UTC. A return names the day of the block it belongs to.
    public var day: String
    public var keyID: KeyID

    public init(change: Change, customerID: CustomerID, day: String, keyID: KeyID) {
        self.change = change
        self.customerID = customerID
        self.day = day
        self.keyID = keyID
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        customerID = try reader.identifier("customer_id")
        day = try reader.parsed("day", Day.checked)
        keyID = try reader.identifier("key_id")
        let reserved = try reader.optionalCount("reserved")
        let returned = try reader.optionalCount("returned")
        try reader.finish()
        switch (reserved, returned) {
        case (let requests?, nil) where requests > 0: change = .reserved(requests)
        case (nil, let requests?) where requests > 0: change = .returned(requests)
        case (nil, nil): throw PayloadError("reserved", .missing)
        case (_?, _): throw PayloadError("reserved", .notAllowed)
        case (nil, _?): throw PayloadError("returned", .notAllowed)
        }
    }

    public func write(to members: inout MemberWriter) {
        members.add("customer_id", customerID.text)
        members.add("day", day)
        members.add("key_id", keyID.text)
        switch change {
        case .reserved(let requests): members.add("reserved", requests)
        case .returned(let requests): members.add("returned", requests)
        }
    }
}
