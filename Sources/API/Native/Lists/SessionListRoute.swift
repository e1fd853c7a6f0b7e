import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `GET /v1/sessions`: the caller's sessions, newest first, dead or alive.
struct SessionListRoute: Sendable {
    let reads: ReadModel

    var routes: [Route] { [Route(.get, "/v1/sessions", .key(.sessionsRead), handler: list)] }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let page = try PageRequest(query: exchange.query)
        let after = try exchange.sessionCursor(page)
        let sessions = try reads.sessions(for: try exchange.caller(), startingAfter: after, limit: page.rowsWanted)
        return page.answer(sessions) { session in
            var body = SessionAnswer.body(of: session)
            body["ended_at"] = session.endedAt.map { .string($0.secondsText) } ?? .null
            body["ended_by"] = session.endedBy.map { .string($0) } ?? .null
            body["exec_count"] = .integer(session.execCount)
            return .object(body)
        }
    }
}

extension Exchange {
    /// The session that a page starts after.
    func sessionCursor(_ page: PageRequest) throws(APIError) -> SessionID? {
        guard let text = page.startingAfter else { return nil }
        guard let id = SessionID(anyOf: text) else {
            throw APIError(
                .badRequest, "`starting_after` must be the `session_id` of the last one shown.",
                field: "starting_after")
        }
        return id
    }
}
