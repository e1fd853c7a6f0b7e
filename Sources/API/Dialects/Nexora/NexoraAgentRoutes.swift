import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `GET /api/agents`: the caller's own agents, an array, newest first.
struct NexoraAgentRoutes: Sendable {
    let registry: AgentRegistry

    var routes: [Route] { [Route(.get, "/api/agents", .key(.agentsRead), handler: list)] }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let page = try registry.list(of: try exchange.caller(), request)
        var response = APIResponse.json(.array(page.rows.map(Self.body)))
        if page.hasMore, let last = page.rows.last {
            response.headers.append(request.link(to: "/api/agents", after: last.name.text))
        }
        return response
    }

    /// As the registry shows it, and under the names that Nexora's clients look for.
    private static func body(of agent: AgentView) -> JSONValue {
        guard case .object(var body) = AgentAnswer.body(of: agent) else { return .null }
        body["id"] = .string(agent.id.uuidText)
        body["name"] = .string(agent.name.text)
        body["created_at"] = .string(agent.createdAt.secondsText)
        return .object(body)
    }
}
