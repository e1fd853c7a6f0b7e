public import Proofs
public import CanonicalJSON

/// What a customer says of itself changed. Stream: the customer. What is absent stays as it was.
public struct CustomerChanged: EventPayload {
    public static let type = "customer.changed"
    public static let version = 1

    /// A name that is set, or taken away.
    public enum Organisation: Sendable, Equatable {
        /// Sealed under the customer's data key, in base64.
        case sealed(String)
        case none

        /// What is sealed, if there is something.
        public var text: String? { if case .sealed(let text) = self { text } else { nil } }
    }

    /// Of sessions that begin from now on.
    public var jurisdiction: Jurisdiction?
    public var organisation: Organisation?

    public init(jurisdiction: Jurisdiction? = nil, organisation: Organisation? = nil) {
        self.jurisdiction = jurisdiction
        self.organisation = organisation
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        jurisdiction = try reader.optionalParsed("jurisdiction", Jurisdiction.init(rawValue:))
        if let value = reader.optionalValue("sealed_organisation") {
            switch value {
            case .null: organisation = Organisation.none
            case .string(let text) where Base64.isCanonical(text): organisation = .sealed(text)
            case .string: throw PayloadError("sealed_organisation", .notAllowed)
            default: throw PayloadError("sealed_organisation", .wrongKind)
            }
        }
        try reader.finish()
        guard jurisdiction != nil || organisation != nil else { throw PayloadError("jurisdiction", .missing) }
    }

    public func write(to members: inout MemberWriter) {
        members.add("jurisdiction", jurisdiction?.rawValue)
        members.add("sealed_organisation", organisation.map { $0.text.map { .string($0) } ?? .null })
    }
}

/// A customer is no more: its keys, members and sign-ins ended with this event, and the data key that everything personal
/// was sealed under is deleted. What it did, and its proofs, stay. Stream: the customer, whose last event this is.
public struct CustomerErased: EventPayload {
    public static let type = "customer.erased"
    public static let version = 1

    public init() {}

    public init(data: JSONObject) throws(PayloadError) { try PayloadReader(data).finish() }

    public func write(to _: inout MemberWriter) {}
}
