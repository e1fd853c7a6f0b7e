import CanonicalJSON
import Ledger
import Projections

/// `POST /v1/sessions`, `GET` and `DELETE /v1/sessions/:id`.
struct SessionRoutes: Sendable {
    let sessions: SessionManager
    let store: ProjectionStore

    var routes: [Route] {
        [
            Route(.post, "/v1/sessions", .key(.sessionsWrite), bodyBytesMax: 16_384) { try await create($0) },
            Route(.get, "/v1/sessions/:id", .key(.sessionsRead)) { try show($0) },
            Route(.delete, "/v1/sessions/:id", .key(.sessionsWrite), bodyBytesMax: 16_384) { try await destroy($0) },
        ]
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        let classification = try members.choice("data_classification", DataClassification.self) ?? .general
        let id = try await sessions.create(
            classification, timeToLiveSeconds: try members.integer("ttl_seconds"), by: caller, trace: exchange.trace)
        return .json(SessionView.body(of: try store.visibleSession(id, to: caller), withClassification: false), status: 201)
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let session = try store.visibleSession(try exchange.sessionID(), to: try exchange.caller())
        return .json(SessionView.body(of: session, withClassification: true))
    }

    /// A repeat gets the first answer: the proof is there for ever.
    private func destroy(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let session = try store.visibleSession(try exchange.sessionID(), to: caller)
        if session.status.isLive {
            return try await sessions.end(session.id, trigger: .api, as: caller.actor, trace: exchange.trace).get()
        }
        guard let proof = try store.visibleProof(of: session.id, to: caller) else {
            throw APIError(.conflict, "The session is \(session.status.rawValue): there is no proof of its destruction.")
        }
        return .json(DestructionAnswer.body(of: proof, sessionID: session.id, status: session.status))
    }
}

/// A session as the API reference shows it.
enum SessionView {
    static func body(of session: SessionRow, withClassification: Bool) -> JSONValue {
        var body: JSONObject = [
            "session_id": .string(session.id.text), "status": .string(session.status.rawValue),
            "ttl_seconds": session.timeToLiveSeconds.map { .integer($0) } ?? .null,
            "created_at": .string(session.createdAt.secondsText),
        ]
        if withClassification { body["data_classification"] = .string(session.dataClassification.rawValue) }
        return .object(body)
    }
}

extension Exchange {
    /// The session that the path names; what is not an id at all is simply not there.
    func sessionID() throws(APIError) -> SessionID {
        guard let id = SessionID(parameter("id")) else { throw .sessionNotFound }
        return id
    }
}

extension APIError {
    static let sessionNotFound = APIError(.notFound, "Session not found. Check the id and the key it is asked with.")
}
