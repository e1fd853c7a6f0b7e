import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// `/api/workspaces/:id/files`: list, get, put, delete.
struct NanoTermFileRoutes: Sendable {
    let workspaces: NanoTermWorkspaces
    let files: WorkspaceFiles

    var routes: [Route] {
        let list = NanoTermWorkspaceRoutes.path + "/:id/files"
        let one = list + "/**"
        return [
            Route(.get, list, .key(.filesRead), handler: self.list),
            Route(
                .get, one, .key(.filesRead), produces: ["application/octet-stream", "application/json"], handler: get),
            Route(.put, one, .key(.filesWrite), streamsBody: true, handler: put),
            Route(.delete, one, .key(.filesWrite), handler: delete),
        ]
    }

    private func list(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        return try await Self.naming {
            () throws(APIError) in
            let entries = try await files.list(exchange.query["path"].map(Self.relative) ?? "", in: environment)
            return .json([
                "files": .array(
                    entries.map { entry in
                        [
                            "name": .string(entry.name), "size": .integer(entry.size),
                            "isDirectory": .bool(entry.kind == .directory),
                            "mtime": .string(Timestamp(microseconds: entry.modifiedMicroseconds).text),
                        ]
                    })
            ])
        }
    }

    private func get(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        return try await Self.naming { () throws(APIError) in
            try await files.download(try WorkspaceFiles.path(exchange), from: environment)
        }
    }

    private func put(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let environment = try environment(exchange)
        return try await Self.naming { () throws(APIError) in
            guard let body = exchange.bodyStream else { throw .internalError }
            let bytes = try await files.upload(
                body, to: try WorkspaceFiles.path(exchange), in: environment, for: caller)
            return .json([
                "ok": true, "bytes": .integer(bytes), "mtime": .string(files.ledger.now().text),
            ])
        }
    }

    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        return try await Self.naming { () throws(APIError) in
            try await files.remove(try WorkspaceFiles.path(exchange), in: environment)
            return .json(["ok": true])
        }
    }

    private func environment(_ exchange: Exchange) throws(APIError) -> SessionEnvironment {
        try workspaces.environment(exchange.parameter("id"), for: try exchange.caller())
    }

    /// Paths may be given as programs inside see them.
    private static func relative(_ path: String) -> String {
        path == "/workspace" ? "" : path.hasPrefix("/workspace/") ? String(path.dropFirst("/workspace/".count)) : path
    }

    /// Gives what goes wrong with files the codes that this dialect has for it.
    private static func naming(
        _ body: () async throws(APIError) -> APIResponse
    ) async throws(APIError) -> APIResponse {
        do throws(APIError) { return try await body() } catch {
            var error = error
            switch error.code {
            case .badRequest where error.field == "path": error.reason = NanoTermCode.invalidPath.rawValue
            case .contentTooLarge: error.reason = NanoTermCode.storageQuotaExceeded.rawValue
            default: break
            }
            throw error
        }
    }
}
