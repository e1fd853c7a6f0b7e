import CanonicalJSON
import EventStore
import Ledger
import Merkle
import Projections
import Proofs

/// `/api/v1/backups`: verified copies of the log and its keys, on the server's own disk, made in the background.
struct NurosentrixBackupRoutes: Sendable {
    let backups: BackupService
    let ledger: LedgerService

    private static let path = "/api/v1/backups"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let (path, size) = (Self.path, Self.bodyBytesMax)
        return [
            Route(.get, path, .key(.backupsRead), handler: list),
            Route(.post, path, .key(.backupsWrite), bodyBytesMax: size, idempotency: .remembered, handler: create),
            Route(.get, path + "/:id", .key(.backupsRead), handler: show),
            Route(.delete, path + "/:id", .key(.backupsWrite), bodyBytesMax: size, handler: delete),
            Route(
                .post, path + "/:id/restore", .key(.backupsRestore), bodyBytesMax: size, idempotency: .remembered,
                handler: restore),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let page = try NurosentrixPage(exchange.query)
        let all = ledger.read { $0.backups(of: caller.customerID, in: caller.environment) }
        return NurosentrixAnswer.page(page.of(all).map { .object(body(of: $0)) }, page, total: all.count)
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let answer: @Sendable ([EventDraft]) -> APIResponse? = { events in
            guard let event = events.first, let id = BackupID(event.stream) else { return nil }
            return NurosentrixAnswer.one(
                .object(Self.running(id.text, startedAt: event.at)), status: 202)
        }
        _ = try exchange.members()
        let events = try await backups.create(
            by: try exchange.caller(), trace: exchange.trace, as: exchange.remembering(answer))
        guard let response = answer(events) else { throw .internalError }
        return response
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        NurosentrixAnswer.one(.object(body(of: try find(exchange))))
    }

    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let backup = try find(exchange)
        try await backups.delete(backup.id, by: try exchange.caller(), trace: exchange.trace)
        return NurosentrixAnswer.one(["id": .string(backup.id.text), "status": "deleted"])
    }

    private func restore(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let backup = try find(exchange)
        _ = try exchange.members()
        let answer: @Sendable ([EventDraft]) -> APIResponse? = { [backups] events in
            guard let event = events.first, case .backupRestoreStarted(let started)? = LedgerEvent(reading: event)
            else { return nil }
            var body = Self.running(started.restoreID.text, startedAt: event.at)
            body["backup_id"] = .string(event.stream)
            body["directory"] = .string(backups.files.place(of: started.restoreID).shown)
            return NurosentrixAnswer.one(.object(body), status: 202)
        }
        let events = try await backups.restore(
            backup.id, by: try exchange.caller(), trace: exchange.trace, as: exchange.remembering(answer))
        guard let response = answer(events) else { throw .internalError }
        return response
    }

    /// The caller's backup; somebody else's is not there.
    private func find(_ exchange: Exchange) throws(APIError) -> BackupEntry {
        let caller = try exchange.caller()
        guard let id = BackupID(exchange.parameter("id")), let backup = ledger.read({ $0.backup(id) }),
            backup.customerID == caller.customerID, backup.environment == caller.environment
        else {
            throw APIError(.notFound, "Backup not found. GET /api/v1/backups lists what there is.")
        }
        return backup
    }

    private static func running(_ id: String, startedAt: Timestamp) -> JSONObject {
        var body = JSONObject()
        body["id"] = .string(id)
        body["status"] = "running"
        body["progress"] = 0
        body["created_at"] = .string(startedAt.secondsText)
        return body
    }

    private func body(of backup: BackupEntry) -> JSONObject {
        var body = made(backup.id.text, since: backup.startedAt, backup.end)
        body["restores"] = .array(
            backup.restores.map { restore in
                var body = made(restore.id.text, since: restore.startedAt, restore.end)
                body["directory"] = .string(backups.files.place(of: restore.id).shown)
                return .object(body)
            })
        return body
    }

    /// A copy that is being made, was made, or could not be made.
    private func made(_ id: String, since startedAt: Timestamp, _ end: BackupEntry.End?) -> JSONObject {
        var body = Self.running(id, startedAt: startedAt)
        guard let end else {
            // What is recorded in a moment is not done yet.
            body["progress"] = .integer(Int64(min(99, backups.progress(of: id))))
            return body
        }
        body["completed_at"] = .string(end.at.secondsText)
        switch end.outcome {
        case .completed(let contents):
            body["status"] = "completed"
            body["progress"] = 100
            // To the last byte: hashed up to the log's root, read back, and the keys opened.
            body["verified"] = true
            body["size_bytes"] = .integer(contents.bytes)
            body["events"] = .integer(contents.events)
            body["root"] = .string(contents.root.hex)
        case .failed(let reason):
            body["status"] = "failed"
            body["error"] = .string(reason.rawValue)
        }
        return body
    }
}
