import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// `/api/v1/instances`: the caller's live sessions. What an instance held is gone when it ends, so it can be stopped, with
/// a proof, and never started again.
struct NurosentrixInstanceRoutes: Sendable {
    let sessions: SessionManager
    let reads: ReadModel
    let ledger: LedgerService
    let workspaces: NanoTermWorkspaces
    let node: NurosentrixNode

    private static let path = "/api/v1/instances"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let (path, size) = (Self.path, Self.bodyBytesMax)
        return [
            Route(.get, path, .key(.sessionsRead), handler: list),
            Route(.post, path, .key(.sessionsWrite), bodyBytesMax: size, idempotency: .remembered, handler: create),
            Route(.get, path + "/:id", .key(.sessionsRead), handler: show),
            Route(.patch, path + "/:id", .key(.sessionsWrite), bodyBytesMax: size, handler: refuseChange),
            Route(.delete, path + "/:id", .key(.sessionsWrite), bodyBytesMax: size, handler: end),
            Route(
                .post, path + "/:id/start", .key(.sessionsExec), bodyBytesMax: size, idempotency: .notNeeded,
                handler: start),
            Route(
                .post, path + "/:id/stop", .key(.sessionsExec), bodyBytesMax: size, idempotency: .notNeeded,
                handler: end),
            Route(
                .post, path + "/:id/restart", .key(.sessionsExec), bodyBytesMax: size, idempotency: .notNeeded,
                handler: restart),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let page = try NurosentrixPage(exchange.query)
        let all = workspaces.live(of: try exchange.caller())
        return NurosentrixAnswer.page(page.of(all).map { .object(body(of: $0)) }, page, total: all.count)
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        if let server = try members.string("server_id"), server != node.id {
            throw APIError(
                .notFound, "There is no such server. GET /api/v1/servers lists what there is.", field: "server_id")
        }
        let name = try members.string("name")
        let reservation = try name.map { name throws(APIError) in
            try workspaces.directory.reserve(name, for: caller)
        }
        let answer: @Sendable ([EventDraft]) -> APIResponse? = { [node] in Self.created(by: $0, name: name, on: node) }
        let events: [EventDraft]
        do throws(APIError) {
            events = try await sessions.create(
                .general, timeToLiveSeconds: try members.integer("ttl_seconds"), by: caller, trace: exchange.trace,
                remembering: exchange.idempotent, as: exchange.remembering(answer))
        } catch {
            if let reservation { workspaces.directory.release(reservation) }
            throw error
        }
        guard let id = events.first.flatMap({ SessionID($0.stream) }), let response = answer(events) else {
            throw .internalError
        }
        if let reservation, let name {
            workspaces.directory.assign(reservation, to: id, .init(name: name, image: WorkspaceOffer.image, size: ""))
        }
        return response
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let session = try session(exchange, caller)
        var body = Self.body(
            session.id, name: name(of: session.id), status: session.status, createdAt: session.createdAt,
            timeToLiveSeconds: session.timeToLiveSeconds, on: node)
        body["ended_at"] = session.endedAt.map { .string($0.secondsText) } ?? .null
        return NurosentrixAnswer.one(.object(body))
    }

    /// Destroys it; the answer carries the proof, and so does a repeat.
    private func end(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try session(exchange, caller).id
        if try reads.session(id, for: caller).status.isLive {
            let result = await sessions.end(id, trigger: .api, as: caller.actor, trace: exchange.trace)
            // A conflict is another end at this very moment: what was stored is the answer.
            if case .failure(let error) = result, error.code != .conflict { throw error }
        }
        guard let text = try reads.proof(of: id, for: caller) else {
            throw APIError(.conflict, "The instance ended without a proof of its destruction.")
        }
        let proof: JSONValue
        do { proof = try JSONReader.read(Array(text.utf8)) } catch { throw .internalError }
        return NurosentrixAnswer.one(["id": .string(id.shown(as: "inst_")), "status": "terminated", "cdp": proof])
    }

    private func start(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let session = try session(exchange, try exchange.caller())
        throw APIError(
            .conflict,
            session.status.isLive
                ? "The instance is running already."
                : "What the instance held was destroyed when it ended, so it cannot start again. Create a new one.")
    }

    private func restart(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let session = try session(exchange, try exchange.caller())
        throw APIError(
            .conflict,
            session.status.isLive
                ? "An instance is ephemeral: stopping it destroys its data, with a proof. Stop it, and create a new one."
                : "What the instance held was destroyed when it ended, so it cannot start again. Create a new one.")
    }

    private func refuseChange(_ exchange: Exchange) throws(APIError) -> APIResponse {
        _ = try session(exchange, try exchange.caller())
        throw APIError(
            .notSupported, "A running instance is not changed: its name and limits are set when it is created.")
    }

    private func session(_ exchange: Exchange, _ caller: Principal) throws(APIError) -> SessionView {
        guard let id = SessionID(anyOf: exchange.parameter("id")) else { throw Self.notFound }
        do throws(APIError) { return try reads.session(id, for: caller) } catch {
            throw error.code == .notFound ? Self.notFound : error
        }
    }

    private static let notFound = APIError(
        .notFound, "Instance not found. Check the id and the token it is asked with.")

    private func name(of id: SessionID) -> String? {
        let label = workspaces.directory.label(of: id)
        return label.name == id.shown(as: "ws_") ? nil : label.name
    }

    private func body(of session: SessionRecord) -> JSONObject {
        Self.body(
            session.id, name: name(of: session.id), status: .active, createdAt: session.createdAt,
            timeToLiveSeconds: session.timeToLiveSeconds, on: node)
    }

    private static func created(by events: [EventDraft], name: String?, on node: NurosentrixNode) -> APIResponse? {
        guard let event = events.first, let id = SessionID(event.stream),
            case .sessionCreated(let created)? = LedgerEvent(reading: event)
        else { return nil }
        let body = body(
            id, name: name, status: .active, createdAt: event.at, timeToLiveSeconds: created.timeToLiveSeconds,
            on: node)
        return NurosentrixAnswer.one(.object(body), status: 201)
    }

    private static func body(
        _ id: SessionID, name: String?, status: SessionStatus, createdAt: Timestamp, timeToLiveSeconds: Int64?,
        on node: NurosentrixNode
    ) -> JSONObject {
        var body = JSONObject()
        body["id"] = .string(id.shown(as: "inst_"))
        body["name"] = .string(name ?? id.shown(as: "inst_"))
        body["server_id"] = .string(node.id)
        body["status"] = .string(status.isLive ? "running" : "terminated")
        body["region"] = .string(node.region)
        body["created_at"] = .string(createdAt.secondsText)
        body["expires_at"] = timeToLiveSeconds.map { .string(createdAt.adding(seconds: $0).secondsText) } ?? .null
        return body
    }
}
