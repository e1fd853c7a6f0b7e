/// Some rows of a longer list, and whether there are more behind them.
public struct Page<Row: Sendable>: Sendable {
    public let rows: [Row]
    public let hasMore: Bool

    /// The first `limit` of `rows`, of which one more was asked for.
    init(_ rows: [Row], limit: Int) {
        self.rows = Array(rows.prefix(limit))
        hasMore = rows.count > limit
    }

    /// Nothing.
    public static var empty: Page { Page([], limit: 0) }
}

extension Page: Equatable where Row: Equatable {}
