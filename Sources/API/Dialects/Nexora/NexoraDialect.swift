import CanonicalJSON
import Ledger

extension Dialect {
    /// Nexora's: `{"detail"}`, which is text, or for a request that is wrong in itself (422) an array that names the member.
    static let nexora = Dialect(
        name: "nexora", paths: ["/api/users", "/api/agents", "/api/auth", "/api/ws"],
        status: NexoraErrors.status, errorBody: NexoraErrors.body)
}

/// Errors as Nexora's clients know them.
enum NexoraErrors {
    private static let queryNames: Set<String> = ["limit", "starting_after", "after"]

    static func status(_ error: APIError) -> Int {
        switch error.code {
        case .badRequest: 422
        // Too many keys.
        case .conflict where error.refusal == .limitReached: 400
        default: error.code.status
        }
    }

    static func body(_ error: APIError) -> JSONValue {
        guard error.code == .badRequest else { return ["detail": .string(error.message)] }
        return [
            "detail": [
                ["loc": .array(location(of: error.field)), "msg": .string(error.message), "type": "value_error"]
            ]
        ]
    }

    /// `scopes[2]` is `["body","scopes",2]`.
    private static func location(of field: String?) -> [JSONValue] {
        guard let field else { return ["body"] }
        var location: [JSONValue] = [queryNames.contains(field) ? "query" : "body"]
        for part in field.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            location.append(Int64(part).map { .integer($0) } ?? .string(String(part)))
        }
        return location
    }
}
