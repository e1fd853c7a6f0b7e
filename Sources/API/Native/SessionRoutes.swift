import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `POST /v1/sessions`, `GET` and `DELETE /v1/sessions/:id`.
struct SessionRoutes: Sendable {
    let sessions: SessionManager
    let reads: ReadModel

    var routes: [Route] {
        [
            Route(
                .post, "/v1/sessions", .key(.sessionsWrite), bodyBytesMax: 16_384, idempotency: .remembered,
                handler: create),
            Route(.get, "/v1/sessions/:id", .key(.sessionsRead), handler: show),
            Route(.delete, "/v1/sessions/:id", .key(.sessionsWrite), bodyBytesMax: 16_384, handler: destroy),
        ]
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        let classification = try members.choice("data_classification", DataClassification.self) ?? .general
        let events = try await sessions.create(
            classification, timeToLiveSeconds: try members.integer("ttl_seconds"), by: caller, trace: exchange.trace,
            remembering: exchange.idempotent, as: exchange.remembering(SessionAnswer.created))
        guard let answer = SessionAnswer.created(by: events) else { throw .internalError }
        return answer
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let session = try reads.session(try exchange.sessionID(), for: try exchange.caller())
        return .json(.object(SessionAnswer.body(of: session)))
    }

    /// A repeat gets the first answer: the proof is there for ever.
    private func destroy(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.sessionID()
        if try reads.session(id, for: caller).status.isLive {
            let result = await sessions.end(id, trigger: .api, as: caller.actor, trace: exchange.trace)
            switch result {
            case .success(let answer): return answer
            // It ended at this very moment, by its time or by another request: what was stored is the answer.
            case .failure(let error) where error.code == .conflict: break
            case .failure(let error): throw error
            }
        }
        let session = try reads.session(id, for: caller)
        guard let text = try reads.proof(of: id, for: caller) else {
            throw APIError(
                .conflict, "The session is \(session.status.rawValue): there is no proof of its destruction.")
        }
        let proof: JSONValue
        do { proof = try JSONReader.read(Array(text.utf8)) } catch { throw .internalError }
        return .json(DestructionAnswer.body(of: proof, sessionID: session.id, status: session.status))
    }
}

/// A session as the API reference shows it.
enum SessionAnswer {
    /// The answer to the request that made the session.
    static func created(by events: [EventDraft]) -> APIResponse? {
        guard let event = events.first, case .sessionCreated(let created)? = LedgerEvent(reading: event) else {
            return nil
        }
        var body = JSONObject()
        body["session_id"] = .string(event.stream)
        body["status"] = .string(SessionStatus.active.rawValue)
        body["ttl_seconds"] = created.timeToLiveSeconds.map { .integer($0) } ?? .null
        body["created_at"] = .string(event.at.secondsText)
        if created.environment == .test { body["environment"] = .string(created.environment.rawValue) }
        return .json(.object(body), status: 201)
    }

    static func body(of session: SessionView) -> JSONObject {
        var body = JSONObject()
        body["session_id"] = .string(session.id.text)
        body["status"] = .string(session.status.rawValue)
        body["ttl_seconds"] = session.timeToLiveSeconds.map { .integer($0) } ?? .null
        body["created_at"] = .string(session.createdAt.secondsText)
        // What test keys make is marked wherever it is shown.
        if session.environment == .test { body["environment"] = .string(session.environment.rawValue) }
        body["data_classification"] = .string(session.dataClassification.rawValue)
        return body
    }
}

extension LedgerEvent {
    /// The event in `draft`; nil when it is none, which what was just decided never is.
    init?(reading draft: EventDraft) { do { try self.init(draft) } catch { return nil } }
}

extension Exchange {
    /// The session that the path names; what is not an id at all is simply not there.
    func sessionID() throws(APIError) -> SessionID {
        guard let id = SessionID(anyOf: parameter("id")) else { throw .sessionNotFound }
        return id
    }
}
