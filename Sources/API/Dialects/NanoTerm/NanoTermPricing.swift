import EventStore
import Ledger
import Projections
import Proofs

/// `GET /pricing`: the plans, from their one table. Where the action of a 429 leads.
struct NanoTermPricing: Sendable {
    static let path = "/pricing"

    var routes: [Route] {
        [
            Route(
                .get, Self.path, .public, isForAnyOrigin: true, produces: ["text/html", "application/json"]
            ) { _ throws(APIError) in NanoTermDocs.html(Self.html) }
        ]
    }

    private static let columns = [
        "Plan", "Requests / minute", "Workspaces", "Compute hours / month", "Members", "Stored files",
        "Memory of a workspace",
    ]

    private static var html: String {
        let rows = Tier.allCases.map { tier in
            let plan = Plan.of(tier)
            let cells = [
                NanoTermPlan.name(of: tier), number(plan.nanoTermRequestsPerMinute), number(plan.concurrentSessions),
                number(plan.computeHoursPerMonth), number(plan.members), bytes(plan.storedBytes),
                bytes(plan.memoryBytes),
            ]
            return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Plans</title></head>
            <body><h1>Plans</h1>
            <table><thead><tr>\(columns.map { "<th>\($0)</th>" }.joined())</tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody></table>
            <p>An upgrade takes effect at once, for the keys that there are: POST /v1/billing/checkout.</p></body></html>

            """
    }

    /// With commas, as the plans' pages write numbers.
    private static func number(_ count: Int?) -> String {
        guard let count else { return "Custom" }
        var digits = String(count)
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = String(digits.dropLast(3))
        }
        return ([digits[...]] + groups).joined(separator: ",")
    }

    private static func bytes(_ count: Int64?) -> String {
        guard let count else { return "Custom" }
        return count >= 1 << 30 ? "\(count >> 30) GiB" : "\(count >> 20) MiB"
    }
}
