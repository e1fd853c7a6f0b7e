import CanonicalJSON

/// Which part of a list is wanted: `limit` of them, those after the one called `starting_after`. Lists are newest first.
struct PageRequest: Sendable, Equatable {
    static let limitDefault = 20
    static let limitMax = 100

    let limit: Int
    let startingAfter: String?

    /// - Throws: `badRequest` naming the member when `limit` is not 1 to 100.
    init(query: [String: String]) throws(APIError) {
        limit = try Self.limit(in: query)
        startingAfter = query["starting_after"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The `limit` of a query, or the default.
    static func limit(in query: [String: String]) throws(APIError) -> Int {
        guard let text = query["limit"] else { return limitDefault }
        guard let limit = Int(text), (1...limitMax).contains(limit) else {
            throw APIError(.badRequest, "`limit` must be a whole number from 1 to \(limitMax).", field: "limit")
        }
        return limit
    }

    /// What to ask the projections for: one more than is shown tells whether there is more.
    var rowsWanted: Int { limit + 1 }

    /// `{"data","has_more"}` of what was found when ``rowsWanted`` were asked for.
    func answer<Row>(_ rows: [Row], _ body: (Row) -> JSONValue) -> APIResponse {
        .json(["data": .array(rows.prefix(limit).map(body)), "has_more": .bool(rows.count > limit)])
    }
}
