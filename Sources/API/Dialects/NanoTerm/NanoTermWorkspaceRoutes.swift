import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// `/api/workspaces`: create, list, get, delete, exec.
struct NanoTermWorkspaceRoutes: Sendable {
    let sessions: SessionManager
    let reads: ReadModel
    let ledger: LedgerService
    let workspaces: NanoTermWorkspaces

    static let path = "/api/workspaces"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let (path, size) = (Self.path, Self.bodyBytesMax)
        return [
            Route(.get, path, .key(.sessionsRead), handler: list),
            Route(
                .post, path, .key(.sessionsWrite), bodyBytesMax: size, idempotency: .remembered, handler: create),
            Route(.get, path + "/:id", .key(.sessionsRead), handler: show),
            Route(.delete, path + "/:id", .key(.sessionsWrite), bodyBytesMax: size, handler: delete),
            Route(
                .post, path + "/:id/exec", .key(.sessionsExec), bodyBytesMax: ExecRoute.bodyBytesMax,
                idempotency: .rememberedInSession, handler: execute),
            Route(
                .post, path + "/:id/snapshots", .key(.sessionsWrite), bodyBytesMax: size, idempotency: .notNeeded,
                handler: refuseSnapshot),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let all = workspaces.live(of: try exchange.caller())
        var rest = all[...]
        if let text = request.startingAfter {
            guard let index = all.firstIndex(where: { $0.id == SessionID(anyOf: text) }) else { throw .unknownCursor }
            rest = all[(index + 1)...]
        }
        let page = rest.prefix(request.limit)
        var response = APIResponse.json(.array(page.map { .object(workspaces.body(of: $0)) }))
        if rest.count > page.count, let last = page.last {
            response.headers.append(request.link(to: Self.path, after: last.id.shown(as: "ws_")))
        }
        return response
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let plan = Plan.of(ledger.read { $0.customer(caller.customerID)?.tier ?? .free })
        let (label, size) = try NanoTermWorkspaceRequest.label(in: try exchange.members(), on: plan)
        let reservation = try workspaces.directory.reserve(label.name, for: caller)
        let answer: @Sendable ([EventDraft]) -> APIResponse? = { NanoTermWorkspaces.created(by: $0, as: label) }
        let events: [EventDraft]
        do throws(APIError) {
            events = try await sessions.create(
                .general, timeToLiveSeconds: nil, room: size.room, by: caller, trace: exchange.trace,
                remembering: exchange.idempotent, as: exchange.remembering(answer))
        } catch {
            workspaces.directory.release(reservation)
            throw error
        }
        guard let id = events.first.flatMap({ SessionID($0.stream) }), let response = answer(events) else {
            throw .internalError
        }
        workspaces.directory.assign(reservation, to: id, label)
        return response
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        .json(.object(workspaces.body(of: try workspaces.find(exchange.parameter("id"), for: try exchange.caller()))))
    }

    /// Destroys the workspace; the answer carries the proof, and so does a repeat.
    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try workspaces.sessionID(exchange.parameter("id"), for: caller)
        if try reads.session(id, for: caller).status.isLive {
            let result = await sessions.end(id, trigger: .api, as: caller.actor, trace: exchange.trace)
            // A conflict is another end at this very moment: what was stored is the answer.
            if case .failure(let error) = result, error.code != .conflict { throw error }
        }
        guard let text = try reads.proof(of: id, for: caller) else {
            throw APIError(.conflict, "The workspace ended without a proof of its destruction.")
        }
        let proof: JSONValue
        do { proof = try JSONReader.read(Array(text.utf8)) } catch { throw .internalError }
        return .json([
            "id": .string(id.shown(as: "ws_")), "status": .string(try reads.session(id, for: caller).status.rawValue),
            "cdp": proof,
        ])
    }

    private func execute(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        // Known before the body is judged: somebody else's workspace is not there, whatever is sent to it.
        let id = try workspaces.find(exchange.parameter("id"), for: caller).id
        let command = try NanoTermWorkspaceRequest.command(in: try exchange.members())
        let begun = try await sessions.begin(
            command, in: id, by: caller, trace: exchange.trace, remembering: exchange.idempotent)
        let result = try await sessions.run(begun)
        let answer = APIResponse.json([
            "stdout": .string(String(decoding: result.stdout, as: UTF8.self)),
            "stderr": .string(String(decoding: result.stderr, as: UTF8.self)),
            "exitCode": .integer(Int64(result.exitCode ?? 128 + (result.signal ?? 0))),
            "timedOut": .bool(result.timedOut), "truncated": .bool(result.truncated),
            "outOfMemory": .bool(result.outOfMemory),
            "durationMs": .integer(result.wallMicroseconds / 1_000),
        ])
        sessions.keep(answer, of: begun)
        return answer
    }

    private func refuseSnapshot(_ exchange: Exchange) throws(APIError) -> APIResponse {
        _ = try workspaces.find(exchange.parameter("id"), for: try exchange.caller())
        throw APIError(
            .notSupported,
            "Snapshots are not taken: what a workspace holds is destroyed with it. Fetch files with "
                + "GET …/files/PATH.")
    }
}

extension WorkspaceOffer.Size {
    /// The same as the session manager takes it.
    var room: SessionManager.Room { .init(memoryBytes: memoryBytes, workspaceBytes: workspaceBytes) }
}
