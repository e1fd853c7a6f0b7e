import Proofs
import CanonicalJSON

extension Dialect {
    /// Nanorix's own: `{"error","message","status"}`.
    static let native = Dialect(name: "nanorix") { error in
        var body: JSONValue = [
            "error": .string(error.code.rawValue), "message": .string(error.message),
            "status": .integer(Int64(error.code.status)),
        ]
        if let field = error.field, case .object(var object) = body {
            object["field"] = .string(field)
            body = .object(object)
        }
        return body
    }
}
