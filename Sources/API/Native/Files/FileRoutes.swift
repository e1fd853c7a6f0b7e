import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// `/v1/sessions/:id/files`: files of a live session's workspace.
struct FileRoutes: Sendable {
    let files: WorkspaceFiles

    init(sessions: SessionManager, reads: ReadModel, ledger: LedgerService) {
        files = WorkspaceFiles(sessions: sessions, reads: reads, ledger: ledger)
    }

    var routes: [Route] {
        let path = "/v1/sessions/:id/files/**"
        return [
            Route(.get, "/v1/sessions/:id/files", .key(.filesRead), handler: list),
            Route(
                .get, path, .key(.filesRead), produces: ["application/octet-stream", "application/json"],
                handler: get),
            Route(.put, path, .key(.filesWrite), streamsBody: true, handler: put),
            Route(.delete, path, .key(.filesWrite), handler: delete),
        ]
    }

    private func list(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let path = exchange.query["path"] ?? ""
        let entries = try await files.list(path, in: try environment(exchange))
        return .json([
            "path": .string(path),
            "data": .array(
                entries.map { entry in
                    [
                        "name": .string(entry.name), "kind": .string(entry.kind.rawValue),
                        "size": .integer(entry.size),
                        "modified_at": .string(Timestamp(microseconds: entry.modifiedMicroseconds).text),
                    ]
                }), "has_more": false,
        ])
    }

    private func get(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        try await files.download(try WorkspaceFiles.path(exchange), from: try environment(exchange))
    }

    private func put(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        guard let body = exchange.bodyStream else { throw .internalError }
        let path = try WorkspaceFiles.path(exchange)
        let bytes = try await files.upload(body, to: path, in: environment, for: try exchange.caller())
        return .json(["path": .string(path), "size": .integer(bytes)], status: 201)
    }

    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        let path = try WorkspaceFiles.path(exchange)
        try await files.remove(path, in: environment)
        return .json(["path": .string(path), "deleted": true])
    }

    private func environment(_ exchange: Exchange) throws(APIError) -> SessionEnvironment {
        try files.environment(of: try exchange.sessionID(), for: try exchange.caller())
    }
}
