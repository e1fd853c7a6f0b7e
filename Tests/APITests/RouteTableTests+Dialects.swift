import CanonicalJSON
import Ledger
import Proofs

@testable import API

/// The rows of the two dialects with the most routes.
extension RouteTableTests {
    static func nanoTermRows(_ things: Things) -> [String: Row] {
        let workspace = "/api/workspaces/\(things.session.replacing("sess_", with: "ws_"))"
        var rows = [
            "GET /api/docs/errors": Row(path: "/api/docs/errors", needs: nil, owner: 200, stranger: 200),
            "GET /api/docs/errors/:code": Row(
                path: "/api/docs/errors/NOT_FOUND", needs: nil, owner: 200, stranger: 200),
            "GET /pricing": Row(path: "/pricing", needs: nil, owner: 200, stranger: 200),
            "GET /api/info": Row(path: "/api/info", needs: nil, owner: 200, stranger: 200),
            "GET /api/workspaces": Row(path: "/api/workspaces", needs: .sessionsRead, owner: 200, stranger: 200),
            "POST /api/workspaces": Row(
                path: "/api/workspaces", body: [:], needs: .sessionsWrite, owner: 503, stranger: 503),
            "GET /api/workspaces/:id": Row(path: workspace, needs: .sessionsRead, owner: 404, stranger: 404),
            "DELETE /api/workspaces/:id": Row(path: workspace, needs: .sessionsWrite, owner: 409, stranger: 404),
            "POST /api/workspaces/:id/exec": Row(
                path: workspace + "/exec", body: ["command": ["true"]], needs: .sessionsExec, owner: 404, stranger: 404
            ),
            "POST /api/workspaces/:id/snapshots": Row(
                path: workspace + "/snapshots", body: [:], needs: .sessionsWrite, owner: 404, stranger: 404),
            "GET /api/workspaces/:id/diff": Row(
                path: workspace + "/diff", needs: .sessionsExec, owner: 404, stranger: 404),
            "GET /api/workspaces/:id/terminal": Row(
                path: workspace + "/terminal", needs: .sessionsExec, owner: 426, stranger: 426),
            "GET /api/workspaces/:id/files": Row(
                path: workspace + "/files", needs: .filesRead, owner: 404, stranger: 404),
            "GET /api/workspaces/:id/files/**": Row(
                path: workspace + "/files/a", needs: .filesRead, owner: 404, stranger: 404),
            "PUT /api/workspaces/:id/files/**": Row(
                path: workspace + "/files/a", needs: .filesWrite, owner: 404, stranger: 404),
            "DELETE /api/workspaces/:id/files/**": Row(
                path: workspace + "/files/a", needs: .filesWrite, owner: 404, stranger: 404),
            "GET /api/keys": Row(path: "/api/keys", needs: .keysWrite, owner: 200, stranger: 200),
            "POST /api/keys": Row(path: "/api/keys", body: [:], needs: .keysWrite, owner: 400, stranger: 400),
            "DELETE /api/keys/:id": Row(
                path: "/api/keys/key_none", needs: .keysWrite, owner: 404, stranger: 404),
            "GET /api/org/members": Row(
                path: "/api/org/members", needs: .membersRead, owner: 200, stranger: 200, testKey: 403),
            "POST /api/org/members": Row(
                path: "/api/org/members", body: [:], needs: .membersWrite, owner: 400, stranger: 400),
        ]
        for method in Route.Method.allCases {
            for (tail, path) in [("", "/proxy/8000"), ("/**", "/proxy/8000/a")] {
                rows["\(method.rawValue) /api/workspaces/:id/proxy/:port\(tail)"] = Row(
                    path: workspace + path, needs: .sessionsExec, owner: 404, stranger: 404)
            }
        }
        return rows
    }

    static func nurosentrixRows(_ things: Things) -> [String: Row] {
        let instance = "/api/v1/instances/\(things.session.replacing("sess_", with: "inst_"))"
        return [
            "POST /auth/login": Row(path: "/auth/login", body: [:], needs: nil, owner: 400, stranger: 400),
            "GET /api/v1/permissions": Row(path: "/api/v1/permissions", needs: nil, owner: 200, stranger: 200),
            "GET /api/v1/tokens": Row(path: "/api/v1/tokens", needs: .keysRead, owner: 200, stranger: 200),
            "POST /api/v1/tokens": Row(
                path: "/api/v1/tokens", body: [:], needs: .keysWrite, owner: 400, stranger: 400),
            "GET /api/v1/tokens/:id": Row(path: "/api/v1/tokens/none", needs: .keysRead, owner: 404, stranger: 404),
            "DELETE /api/v1/tokens/:id": Row(
                path: "/api/v1/tokens/none", needs: .keysWrite, owner: 404, stranger: 404),
            "GET /api/v1/servers": Row(path: "/api/v1/servers", needs: .serversRead, owner: 200, stranger: 200),
            "POST /api/v1/servers": Row(
                path: "/api/v1/servers", body: [:], needs: .serversWrite, owner: 501, stranger: 501),
            "GET /api/v1/servers/:id": Row(
                path: "/api/v1/servers/none", needs: .serversRead, owner: 404, stranger: 404),
            "PATCH /api/v1/servers/:id": Row(
                path: "/api/v1/servers/none", body: [:], needs: .serversWrite, owner: 404, stranger: 404),
            "DELETE /api/v1/servers/:id": Row(
                path: "/api/v1/servers/none", needs: .serversWrite, owner: 404, stranger: 404),
            "GET /api/v1/instances": Row(
                path: "/api/v1/instances", needs: .sessionsRead, owner: 200, stranger: 200),
            "POST /api/v1/instances": Row(
                path: "/api/v1/instances", body: [:], needs: .sessionsWrite, owner: 503, stranger: 503),
            "GET /api/v1/instances/:id": Row(path: instance, needs: .sessionsRead, owner: 200, stranger: 404),
            "PATCH /api/v1/instances/:id": Row(
                path: instance, body: [:], needs: .sessionsWrite, owner: 501, stranger: 404),
            "DELETE /api/v1/instances/:id": Row(path: instance, needs: .sessionsWrite, owner: 409, stranger: 404),
            "POST /api/v1/instances/:id/start": Row(
                path: instance + "/start", body: [:], needs: .sessionsExec, owner: 409, stranger: 404),
            "POST /api/v1/instances/:id/stop": Row(
                path: instance + "/stop", body: [:], needs: .sessionsExec, owner: 409, stranger: 404),
            "POST /api/v1/instances/:id/restart": Row(
                path: instance + "/restart", body: [:], needs: .sessionsExec, owner: 409, stranger: 404),
            "GET /api/v1/backups": Row(path: "/api/v1/backups", needs: .backupsRead, owner: 200, stranger: 200),
            "POST /api/v1/backups": Row(
                path: "/api/v1/backups", body: [:], needs: .backupsWrite, owner: 202, stranger: 202),
            "GET /api/v1/backups/:id": Row(
                path: "/api/v1/backups/none", needs: .backupsRead, owner: 404, stranger: 404),
            "DELETE /api/v1/backups/:id": Row(
                path: "/api/v1/backups/none", needs: .backupsWrite, owner: 404, stranger: 404),
            "POST /api/v1/backups/:id/restore": Row(
                path: "/api/v1/backups/none/restore", body: [:], needs: .backupsRestore, owner: 404, stranger: 404),
            "GET /api/v1/settings": Row(
                path: "/api/v1/settings", needs: .accountRead, owner: 200, stranger: 200),
            "PATCH /api/v1/settings": Row(
                path: "/api/v1/settings", body: [:], needs: .accountWrite, owner: 400, stranger: 400, testKey: 403),
        ]
    }
}
