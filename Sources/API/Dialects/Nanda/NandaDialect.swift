import CanonicalJSON
import Ledger
import NIOHTTP1

extension Dialect {
    /// Nexartis NANDA's: `{"error","message"}`, where `error` is the status in words.
    static let nanda = Dialect(
        name: "nanda",
        paths: [
            "/api/developers", "/register", "/list", "/search", "/lookup", "/agentfacts", "/agents", "/health",
            "/stats",
            "/reputation",
        ]
    ) { error in
        var body: JSONValue = [
            "error": .string(HTTPResponseStatus(statusCode: error.code.status).reasonPhrase),
            "message": .string(error.message),
        ]
        if let field = error.field, case .object(var object) = body {
            object["field"] = .string(field)
            body = .object(object)
        }
        return body
    }
}

/// The three plans of NANDA's page. Its `pro` is our two middle tiers, which have the same numbers there.
enum NandaPlan {
    static func name(of tier: Tier) -> String {
        switch tier {
        case .free: "free"
        case .starter, .business: "pro"
        case .enterprise: "enterprise"
        }
    }

    /// The lowest tier that is called so; nil for a name that no plan has.
    static func tier(named name: String) -> Tier? { Tier.allCases.first { Self.name(of: $0) == name } }

    /// What a key with this many requests a month is called.
    static func name(ofMonthlyLimit limit: Int64?) -> String {
        let tier = Tier.allCases.first { tier in
            Plan.of(tier).nandaRequestsPerMonth.map { Int64($0) >= limit ?? .max } ?? true
        }
        return name(of: tier ?? .enterprise)
    }
}
