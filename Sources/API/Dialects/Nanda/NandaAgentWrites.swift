import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// What changes the registry: `POST /register`, `PUT /agentfacts/:id`, `PUT /agents/:id/status`, `DELETE /agents/:id`.
struct NandaAgentWrites: Sendable {
    let registry: AgentRegistry
    /// Whether a request without a key is refused (`--nanda-keys`).
    let keysAreRequired: Bool

    private static let bodyBytesMax = 65_536
    private static let factsBytesMax = 2 * AgentLimits.factsBytesMax

    private var access: Route.Access { keysAreRequired ? .key(.agentsWrite) : .optionalKey(.agentsWrite) }

    var routes: [Route] {
        [
            Route(
                .post, "/register", access, bodyBytesMax: Self.bodyBytesMax, idempotency: .remembered,
                handler: register),
            Route(.put, "/agentfacts/:id", access, bodyBytesMax: Self.factsBytesMax, handler: publish),
            Route(.put, "/agents/:id/status", access, bodyBytesMax: Self.bodyBytesMax, handler: changeStatus),
            Route(.delete, "/agents/:id", access, bodyBytesMax: Self.bodyBytesMax, handler: delete),
        ]
    }

    private func register(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let id = try members.requiredString("agent_id")
        guard let name = AgentName(id) else {
            throw APIError(
                .badRequest,
                "`agent_id` must have 1 to \(AgentName.bytesMax) letters, digits and ._:~@- and no other characters.",
                field: "agent_id")
        }
        var profile = AgentProfile(url: try members.requiredString("agent_url"))
        profile.apiURL = try members.string("api_url")
        profile.factsURL = try members.string("facts_url")
        profile.capabilities = try members.strings("capabilities") ?? []
        profile.tags = try members.strings("tags") ?? []
        profile.version = try members.string("version")
        let isNew = try await registry.register(
            name, profile, as: exchange.actor, trace: exchange.trace,
            idempotency: exchange.remembering { events in
                Self.registered(name, isNew: events.first?.type == AgentRegistered.type)
            })
        return Self.registered(name, isNew: isNew)
    }

    private static func registered(_ name: AgentName, isNew: Bool) -> APIResponse {
        .json([
            "status": "success", "message": .string("Agent \(name) \(isNew ? "registered" : "updated")"),
            "agent_id": .string(name.text),
        ])
    }

    private func publish(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let name = try exchange.agentName()
        let document = try exchange.object()
        guard !document.members.isEmpty else {
            throw APIError(.badRequest, "Send the members of the credential's subject, or a whole signed credential.")
        }
        let credential = try await registry.publish(
            document, about: name, as: exchange.actor, trace: exchange.trace)
        return .json(.object(credential))
    }

    private func changeStatus(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        var command = ChangeAgentStatus(name: try exchange.agentName(), assignedTo: try members.string("assigned_to"))
        if members.isNull("assigned_to") { command.assignedTo = "" }
        if let status = try members.choice("status", AgentStatus.self) { command.isAlive = status == .alive }
        if let value = members.present("alive") {
            guard let isAlive = value.bool, command.isAlive ?? isAlive == isAlive else {
                throw APIError(
                    .badRequest, "`alive` must be true or false, and say the same as `status`.", field: "alive")
            }
            command.isAlive = isAlive
        }
        try await registry.perform(.changeAgentStatus(command), as: exchange.actor, trace: exchange.trace)
        let agent = try registry.find(command.name)
        return .json([
            "status": "updated", "agent_id": .string(agent.name.text), "alive": .bool(agent.isAlive),
            "assigned_to": agent.assignedTo.map { .string($0) } ?? .null,
        ])
    }

    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let name = try exchange.agentName()
        try await registry.perform(.deleteAgent(name), as: exchange.actor, trace: exchange.trace)
        return .json(["status": "deleted", "agent_id": .string(name.text)])
    }
}

/// The words for whether an agent is alive.
enum AgentStatus: String, CaseIterable {
    case alive, inactive
}

extension Exchange {
    /// Who acts; where no key is asked for and none was given, nobody.
    fileprivate var actor: Actor { principal?.actor ?? .system }

    /// The agent that the path names.
    func agentName() throws(APIError) -> AgentName {
        guard let name = AgentName(parameter("id")) else { throw .agentNotFound }
        return name
    }

    /// The JSON body, an object.
    fileprivate func object() throws(APIError) -> JSONObject {
        let value: JSONValue
        do { value = try JSONReader.read(body, numbers: .ieee754) } catch {
            throw APIError(.badRequest, "The body is not valid JSON: \(error).")
        }
        guard let object = value.object else { throw APIError(.badRequest, "The body must be a JSON object.") }
        return object
    }
}
