import CanonicalJSON
import Ledger
import Proofs

/// What many routes take and answer.
extension Schema {
    private static let digits = "a8f3e71c4b2d9f06a8f3e71c4b2d9f06"

    /// An id: a prefix and 32 lower-case hex digits.
    static func id(_ prefix: String) -> Schema { text("\(prefix)_\(digits)", pattern: "^\(prefix)_[0-9a-f]{32}$") }

    static let sessionID = id("sess")
    static let customerID = id("cust")
    static let memberID = id("mem")
    static let invitationID = id("inv")
    static let keyID = id("key")
    static let uuid = text(
        "a8f3e71c-4b2d-9f06-a8f3-e71c4b2d9f06",
        pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

    /// A time in requests: with `Z`, in whole seconds or fractions of one.
    static let moment = text(
        "2027-12-31T23:59:59Z",
        pattern:
            #"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"#
    )

    static let permissions = array(choice(Permissions.full.names, example: "sessions:read"))
    static let preset = choice(Permissions.presets.map(\.name))
    static let tier = choice(Tier.self, example: .free)
    static let jurisdiction = choice(Jurisdiction.self, example: .unitedStates)
    static let classification = choice(DataClassification.self, example: .healthInformation)
    static let environment = choice(KeyEnvironment.self, example: .live)
    static let role = choice(Role.self, example: .developer)
    static let email = text(
        "you@company.com", length: 5...254,
        pattern:
            #"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,31}(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,31})?@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"#
    )
    static let password = text("correct horse battery staple", length: Password.charactersMin...Password.bytesMax)
        .about("At least \(Password.charactersMin) characters, at most \(Password.bytesMax) bytes.")
    static let base64 = text("5pZyQlqjPx0bN1mGk0t5Wg==").with("contentEncoding", "base64")
    static let sha256 = text(String(repeating: "9f06", count: 16), pattern: "^[0-9a-f]{64}$")
    static let message = text("Save your API key — it cannot be retrieved later.")

    /// A name that people give: no control characters.
    static func label(_ example: String, max: Int) -> Schema { text(example, length: 1...max, pattern: noControls) }

    /// The same, or nothing: an empty text and null say that there is none.
    static func labelOrNobody(_ example: String, max: Int) -> Schema {
        text(example, length: 0...max, pattern: #"^[^\u0000-\u001F\u007F-\u009F]*$"#).orNull
    }

    private static let noControls = #"^[^\u0000-\u001F\u007F-\u009F]+$"#

    /// Text without the character NUL, which no file name, argument or variable of Linux can hold.
    static func withoutNUL(_ example: String, lengthMax: Int? = nil) -> Schema {
        text(example, length: lengthMax.map { 1...$0 }, pattern: #"^[^\u0000]*$"#)
    }

    /// `{"data","has_more"}`.
    static func page(of row: Schema) -> Schema {
        object([
            .required("data", array(row)), .required("has_more", flag(false), "Whether a further page is there."),
        ])
    }

    static func accepted(_ message: String) -> Schema { object([.required("message", text(message))]) }

    /// The secret of a new API key, in the one answer that holds it.
    static func secret(_ prefix: String) -> Schema {
        text("\(prefix)4fJ0mYc1wq8d…").about("The whole key. It is shown this once.")
    }
}

extension RouteDescription.Parameter {
    /// How many rows, and after which one.
    static func page(after cursor: Schema, limitMax: Int = PageRequest.limitMax) -> [RouteDescription.Parameter] {
        [
            .query("limit", .integer(1...Int64(limitMax), example: 20), "Rows of the answer."),
            .query("starting_after", cursor.orEmpty, "The id of the last row of the page before; empty is none."),
        ]
    }
}
