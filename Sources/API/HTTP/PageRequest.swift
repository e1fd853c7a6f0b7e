import CanonicalJSON
import Foundation

/// Which part of a list is wanted: `limit` of them, those after the one called `starting_after`. Lists are newest first.
struct PageRequest: Sendable, Equatable {
    static let limitDefault = 20
    static let limitMax = 100

    let limit: Int
    let startingAfter: String?

    /// - Throws: `badRequest` naming the member when `limit` is not 1 to 100.
    init(query: [String: String], limitDefault: Int = Self.limitDefault, limitMax: Int = Self.limitMax) throws(APIError)
    {
        limit = try Self.limit(in: query, default: limitDefault, max: limitMax)
        startingAfter = query["starting_after"].flatMap { $0.isEmpty ? nil : $0 }
    }

    init(limit: Int, startingAfter: String?) {
        self.limit = limit
        self.startingAfter = startingAfter
    }

    /// The `limit` of a query, or the default.
    static func limit(
        in query: [String: String], default limitDefault: Int = Self.limitDefault, max limitMax: Int = Self.limitMax
    ) throws(APIError) -> Int {
        guard let text = query["limit"] else { return limitDefault }
        guard let limit = Int(text), (1...limitMax).contains(limit) else {
            throw APIError(.badRequest, "`limit` must be a whole number from 1 to \(limitMax).", field: "limit")
        }
        return limit
    }

    /// Where the next page is, for lists whose body has no room to say so (RFC 8288).
    ///
    /// - Parameter last: the cursor of the last row that was shown.
    func link(to path: String, query: [String: String] = [:], after last: String) -> (name: String, value: String) {
        var query = query
        query["limit"] = String(limit)
        query["starting_after"] = last
        let allowed = CharacterSet.urlPathAllowed.subtracting(["&", "+", "="])
        let pairs = query.sorted { $0.key < $1.key }.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
        }
        return ("Link", "<\(path)?\(pairs.joined(separator: "&"))>; rel=\"next\"")
    }

    /// What to ask the projections for: one more than is shown tells whether there is more.
    var rowsWanted: Int { limit + 1 }

    /// `{"data","has_more"}` of what was found when ``rowsWanted`` were asked for.
    func answer<Row>(_ rows: [Row], _ body: (Row) -> JSONValue) -> APIResponse {
        .json(["data": .array(rows.prefix(limit).map(body)), "has_more": .bool(rows.count > limit)])
    }
}
