import Proofs
import CanonicalJSON

extension Dialect {
    /// Nanorix's own: `{"error","message","status"}`, and `field` or `reason` where they help.
    static let native = Dialect(name: "nanorix") { error in
        var body = JSONObject()
        body["error"] = .string(error.code.rawValue)
        body["message"] = .string(error.message)
        body["status"] = .integer(Int64(error.code.status))
        if let field = error.field { body["field"] = .string(field) }
        if let reason = error.reason { body["reason"] = .string(reason) }
        return .object(body)
    }
}
