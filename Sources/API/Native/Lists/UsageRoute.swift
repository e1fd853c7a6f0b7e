import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `GET /v1/usage`: what was used, by day and by billing cycle, from the projections alone.
struct UsageRoute: Sendable {
    let reads: ReadModel
    let now: @Sendable () -> Timestamp

    /// Longest span of days that one request may ask for.
    static let daysMax: Int64 = 366

    var routes: [Route] { [Route(.get, "/v1/usage", .key(.usageRead), handler: show)] }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let cycle = BillingCycle(holding: now())
        let first = try Self.day("from", in: exchange.query) ?? cycle.start
        let last = try Self.day("to", in: exchange.query) ?? now()
        guard first <= last else { throw APIError(.badRequest, "`from` must not be after `to`.", field: "from") }
        guard last < first.adding(seconds: Self.daysMax * 86_400) else {
            throw APIError(.badRequest, "At most \(Self.daysMax) days can be asked for at once.", field: "from")
        }
        let account = try reads.account(of: caller, cycle: cycle)
        let plan = Plan.of(account.customer.tier)
        var current = Self.body(of: account.cycle)
        current["starts_at"] = .string(cycle.start.secondsText)
        current["ends_at"] = .string(cycle.end.secondsText)
        current["cdp_limit"] = plan.proofsPerMonth.map { .integer(Int64($0)) } ?? .null
        return .json([
            "environment": .string(caller.environment.rawValue), "cycle": .object(current),
            "cycles": .array(
                try reads.cycleUsage(of: caller, from: first, through: last).map { .object(Self.body(of: $0)) }),
            "days": .array(
                try reads.dailyUsage(of: caller, from: first, through: last).map { .object(Self.body(of: $0)) }),
        ])
    }

    /// A day of the query, `YYYY-MM-DD` in UTC.
    private static func day(_ name: String, in query: [String: String]) throws(APIError) -> Timestamp? {
        guard let text = query[name] else { return nil }
        guard text.utf8.count == 10, let time = Timestamp(text + "T00:00:00Z") else {
            throw APIError(.badRequest, "`\(name)` must be a day such as 2026-03-01.", field: name)
        }
        return time
    }

    private static func body(of usage: UsageView) -> JSONObject {
        var body = JSONObject()
        body["period"] = .string(usage.period)
        body["requests"] = .integer(usage.requests)
        body["sessions"] = .integer(usage.sessions)
        body["execs"] = .integer(usage.execs)
        body["compute_seconds"] = .double(Double(usage.execMicroseconds) / 1_000_000)
        body["cdps"] = .integer(usage.proofs)
        return body
    }
}
