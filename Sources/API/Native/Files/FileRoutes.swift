import CanonicalJSON
import EventStore
import Foundation
import HummingbirdCore
import Ledger
import NIOCore
import Projections
import Sandbox

/// `/v1/sessions/:id/files`: files of a live session's workspace, streamed in and out. Paths are resolved inside the
/// sandbox, beneath the workspace and through no link.
struct FileRoutes: Sendable {
    let sessions: SessionManager
    let reads: ReadModel
    let ledger: LedgerService

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
        let environment = try environment(exchange)
        let path = exchange.query["path"] ?? ""
        let entries: [FileEntry]
        do throws(SandboxError) { entries = try await environment.files(in: path) } catch {
            throw APIError(file: error)
        }
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
        let environment = try environment(exchange)
        do throws(SandboxError) {
            return .stream(FileDownload(file: try await environment.readFile(try Self.path(exchange))))
        } catch { throw APIError(file: error) }
    }

    private func put(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        let customerID = try exchange.caller().customerID
        let limit = Plan.of(ledger.read { $0.customer(customerID)?.tier ?? .free }).workspaceBytes
        guard let body = exchange.bodyStream else { throw .internalError }
        let path: String
        let file: SessionFile
        do throws(SandboxError) {
            path = try Self.path(exchange)
            file = try await environment.writeFile(path, bytesMax: limit)
        } catch { throw APIError(file: error) }
        defer { file.close() }
        let failure: APIError
        do {
            var bytes: Int64 = 0
            for try await piece in body {
                try await file.write(Array(piece.readableBytesView))
                bytes += Int64(piece.readableBytes)
            }
            return .json(["path": .string(path), "size": .integer(bytes)], status: 201)
        } catch let error as SandboxError { failure = APIError(file: error) } catch {
            failure = APIError(.badRequest, "The upload broke off; what had arrived was removed. Send it again.")
        }
        // Half a file is none.
        file.close()
        do throws(SandboxError) { try await environment.removeFile(path) } catch {
            throw APIError(.internalError, "A partial upload could not be removed: \(error)")
        }
        throw failure
    }

    private func delete(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try environment(exchange)
        do throws(SandboxError) {
            let path = try Self.path(exchange)
            try await environment.removeFile(path)
            return .json(["path": .string(path), "deleted": true])
        } catch { throw APIError(file: error) }
    }

    /// The sandbox of the caller's live session.
    private func environment(_ exchange: Exchange) throws(APIError) -> SessionEnvironment {
        let session = try reads.session(try exchange.sessionID(), for: try exchange.caller())
        guard session.status.isLive else {
            throw APIError(.conflict, "The session is \(session.status.rawValue): its files are gone.")
        }
        return try sessions.environment(of: session.id).environment
    }

    /// What follows `files/`, percent-decoded; whether it may be opened is decided inside the sandbox.
    private static func path(_ exchange: Exchange) throws(SandboxError) -> String {
        guard let path = exchange.rest.removingPercentEncoding, !path.isEmpty else {
            throw SandboxError(.invalidRequest, "the path is not valid percent-encoded UTF-8")
        }
        return path
    }
}

/// A file on its way out, read as fast as it is taken.
private struct FileDownload: BodyStream {
    let file: SessionFile

    let contentType = "application/octet-stream"
    var contentLength: Int? { Int(file.size) }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        defer { file.close() }
        // What the headers promised: a file that grows meanwhile is cut there, one that shrinks breaks the answer off.
        var left = Int(file.size)
        while left > 0, let bytes = try await file.read(min(left, 256 * 1024)) {
            try await writer.write(ByteBuffer(bytes: bytes))
            left -= bytes.count
        }
        guard left == 0 else { throw SandboxError(.gone, "the file shrank while it was read") }
        try await writer.finish(nil)
    }
}

extension APIError {
    /// Why a file could not be read or written.
    init(file error: SandboxError) {
        switch error.code {
        case .notFound: self.init(.notFound, "There is no such file in the workspace.")
        case .refused, .invalidRequest, .noDirectory:
            self.init(.badRequest, "The path is refused: \(error.message).", field: "path")
        case .full: self.init(.contentTooLarge, "The workspace is full: \(error.message).")
        case .gone: self = .sessionEndedMeanwhile
        default: self.init(.unavailable, "The file cannot be reached: \(error.message)", retryAfterSeconds: 5)
        }
    }
}
