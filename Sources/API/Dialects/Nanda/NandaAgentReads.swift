import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// What anyone may read of the registry: `/list`, `/search`, `/lookup/:id`, `/agentfacts/:id`, `/stats`, `/reputation`.
struct NandaAgentReads: Sendable {
    let registry: AgentRegistry
    let reputation: AgentReputation

    private static let limitDefault = 100
    private static let limitMax = 1_000

    var routes: [Route] {
        [
            Route(.get, "/list", .public, isForAnyOrigin: true, handler: list),
            Route(.get, "/search", .public, isForAnyOrigin: true, handler: search),
            Route(.get, "/lookup/:id", .public, isForAnyOrigin: true, handler: lookUp),
            Route(
                .get, "/agentfacts/:id", .public, isForAnyOrigin: true,
                produces: ["application/json", "application/vc", "application/ld+json"], handler: facts),
            Route(.get, "/stats", .public, isForAnyOrigin: true, handler: counts),
            Route(.get, "/reputation", .public, isForAnyOrigin: true, handler: reputations),
        ]
    }

    /// `{id: url}` in the order of the ids; a further page is announced in `Link`.
    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try Self.page(exchange)
        let page = try registry.list(request)
        var body = JSONObject()
        for agent in page.rows { body[agent.name.text] = .string(agent.profile.url) }
        return Self.answer(.object(body), page, request, "/list", exchange)
    }

    private func search(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try Self.page(exchange)
        let page = try registry.search(
            text: exchange.query["q"] ?? "", capabilities: Self.labels(exchange.query["capabilities"]),
            tags: Self.labels(exchange.query["tags"]), request)
        return Self.answer(.array(page.rows.map(AgentAnswer.body)), page, request, "/search", exchange)
    }

    private func lookUp(_ exchange: Exchange) throws(APIError) -> APIResponse {
        .json(AgentAnswer.body(of: try registry.find(try exchange.agentName())))
    }

    private func facts(_ exchange: Exchange) throws(APIError) -> APIResponse {
        APIResponse(status: 200, body: Array(try registry.facts(of: try exchange.agentName()).utf8))
    }

    private func counts(_: Exchange) throws(APIError) -> APIResponse {
        let counts = try registry.counts()
        return .json([
            "total_agents": .integer(counts.total), "alive_agents": .integer(counts.alive),
            "total_clients": .integer(counts.owners),
        ])
    }

    /// Only what was measured counts: where nothing was, there is no score, and the answer says why.
    private func reputations(_ exchange: Exchange) throws(APIError) -> APIResponse {
        if let id = exchange.query["agent_id"] {
            guard let name = AgentName(id) else { throw .agentNotFound }
            return .json(reputation.body(of: try registry.measurements(of: name)))
        }
        let request = try Self.page(exchange)
        let page = try registry.measurements(request)
        return Self.answer(
            .array(page.rows.map(reputation.body)), request, "/reputation",
            after: page.hasMore ? page.rows.last?.name : nil, exchange)
    }

    private static func page(_ exchange: Exchange) throws(APIError) -> PageRequest {
        try PageRequest(query: exchange.query, limitDefault: limitDefault, limitMax: limitMax)
    }

    private static func answer(
        _ body: JSONValue, _ page: Page<AgentView>, _ request: PageRequest, _ path: String, _ exchange: Exchange
    ) -> APIResponse {
        answer(body, request, path, after: page.hasMore ? page.rows.last?.name : nil, exchange)
    }

    /// - Parameter last: behind which the next page begins; nil when there is none.
    private static func answer(
        _ body: JSONValue, _ request: PageRequest, _ path: String, after last: AgentName?, _ exchange: Exchange
    ) -> APIResponse {
        var response = APIResponse.json(body)
        if let last {
            let question = exchange.query.filter { ["q", "capabilities", "tags"].contains($0.key) }
            response.headers.append(request.link(to: path, query: question, after: last.text))
        }
        return response
    }

    /// `a,b` is both.
    private static func labels(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").prefix(AgentLimits.labelsMax).map { part in
            var label = part.drop { $0 == " " }
            while label.last == " " { label.removeLast() }
            return String(label)
        }.filter { !$0.isEmpty }
    }
}

/// An agent as anyone may see it.
enum AgentAnswer {
    static func body(of agent: AgentView) -> JSONValue {
        let profile = agent.profile
        return [
            "agent_id": .string(agent.name.text), "agent_url": .string(profile.url),
            "api_url": profile.apiURL.map { .string($0) } ?? .null,
            "facts_url": profile.factsURL.map { .string($0) } ?? .null, "alive": .bool(agent.isAlive),
            "status": .string((agent.isAlive ? AgentStatus.alive : .inactive).rawValue),
            "assigned_to": agent.assignedTo.map { .string($0) } ?? .null,
            "last_update": .string(agent.updatedAt.secondsText),
            "capabilities": .array(profile.capabilities.map { .string($0) }),
            "tags": .array(profile.tags.map { .string($0) }),
            "version": profile.version.map { .string($0) } ?? .null,
        ]
    }
}
