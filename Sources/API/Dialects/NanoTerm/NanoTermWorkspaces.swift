import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// The caller's live sessions as workspaces.
struct NanoTermWorkspaces: Sendable {
    let sessions: SessionManager
    let reads: ReadModel
    let ledger: LedgerService
    let directory: WorkspaceDirectory

    /// The live ones, newest first.
    func live(of caller: Principal) -> [SessionRecord] {
        ledger.read { state in
            state.liveSessions.filter {
                $0.customerID == caller.customerID && $0.environment == caller.environment
            }
        }.sorted { ($0.createdAt, $0.id.text) > ($1.createdAt, $1.id.text) }
    }

    /// A live workspace.
    ///
    /// - Throws: `WORKSPACE_NOT_FOUND`, the same for one that ended, somebody else's, and none at all.
    func find(_ text: String, for caller: Principal) throws(APIError) -> SessionRecord {
        let found = SessionID(anyOf: text).flatMap { id in ledger.read { $0.liveSession(id) } }
        guard let found, found.customerID == caller.customerID, found.environment == caller.environment else {
            throw Self.notFound(text)
        }
        return found
    }

    /// The id of a workspace, dead or alive.
    func sessionID(_ text: String, for caller: Principal) throws(APIError) -> SessionID {
        guard let id = SessionID(anyOf: text) else { throw Self.notFound(text) }
        do throws(APIError) { return try reads.session(id, for: caller).id } catch {
            throw error.code == .notFound ? Self.notFound(text) : error
        }
    }

    /// The sandbox of a live workspace.
    func environment(_ text: String, for caller: Principal) throws(APIError) -> SessionEnvironment {
        try sessions.environment(of: try find(text, for: caller).id).environment
    }

    static func notFound(_ id: String) -> APIError {
        // An id is at most as long as one can be; anything else is not worth repeating.
        let shown = id.utf8.count <= 40 && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? " '\(id)'" : ""
        return APIError(
            .notFound, "Workspace\(shown) not found.", reason: NanoTermCode.workspaceNotFound.rawValue)
    }

    func body(of session: SessionRecord) -> JSONObject {
        Self.body(
            session.id, directory.label(of: session.id), createdAt: session.createdAt,
            timeToLiveSeconds: session.timeToLiveSeconds)
    }

    /// The answer to the request that made the workspace.
    static func created(by events: [EventDraft], as label: WorkspaceDirectory.Label) -> APIResponse? {
        guard let event = events.first, let id = SessionID(event.stream),
            case .sessionCreated(let created)? = LedgerEvent(reading: event)
        else { return nil }
        let body = body(id, label, createdAt: event.at, timeToLiveSeconds: created.timeToLiveSeconds)
        return .json(.object(body), status: 201)
    }

    private static func body(
        _ id: SessionID, _ label: WorkspaceDirectory.Label, createdAt: Timestamp, timeToLiveSeconds: Int64?
    ) -> JSONObject {
        var body = JSONObject()
        body["id"] = .string(id.shown(as: "ws_"))
        body["name"] = .string(label.name)
        body["image"] = .string(label.image)
        body["size"] = label.size.isEmpty ? .null : .string(label.size)
        body["status"] = "running"
        body["ports"] = []
        body["createdAt"] = .string(createdAt.secondsText)
        body["expiresAt"] = timeToLiveSeconds.map { .string(createdAt.adding(seconds: $0).secondsText) } ?? .null
        return body
    }
}
