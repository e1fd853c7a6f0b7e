/// Which part of a list is asked for: `limit` and `starting_after`.
struct PageRequest: Sendable {
    static let rowsMax = 100
    static let rowsDefault = 20

    /// Rows wanted, 1 to ``rowsMax``.
    let limit: Int
    /// The id of the last row of the page before.
    let startingAfter: String?

    /// - Throws: `badRequest` when `limit` is no number in its range.
    init(query: [String: String]) throws(APIError) {
        startingAfter = query["starting_after"]
        guard let text = query["limit"] else {
            limit = Self.rowsDefault
            return
        }
        guard let number = Int(text), (1...Self.rowsMax).contains(number) else {
            throw APIError(.badRequest, "`limit` must be a number from 1 to \(Self.rowsMax).", field: "limit")
        }
        limit = number
    }
}
