import EventStore
import Foundation
import HummingbirdCore
import Ledger
import NIOCore
import Projections
import Proofs
import Sandbox

/// Files of live sessions' workspaces as every dialect offers them, streamed in and out. Paths are resolved inside the
/// sandbox, beneath the workspace and through no link.
struct WorkspaceFiles: Sendable {
    let sessions: SessionManager
    let reads: ReadModel
    let ledger: LedgerService

    /// The sandbox of the caller's live session.
    func environment(of id: SessionID, for caller: Principal) throws(APIError) -> SessionEnvironment {
        let session = try reads.session(id, for: caller)
        guard session.status.isLive else {
            throw APIError(.conflict, "The session is \(session.status.rawValue): its files are gone.")
        }
        return try sessions.environment(of: session.id).environment
    }

    /// The entries of a directory, sorted by name.
    func list(_ path: String, in environment: SessionEnvironment) async throws(APIError) -> [FileEntry] {
        do throws(SandboxError) { return try await environment.files(in: path) } catch { throw APIError(file: error) }
    }

    /// An answer that streams the file out.
    func download(_ path: String, from environment: SessionEnvironment) async throws(APIError) -> APIResponse {
        do throws(SandboxError) {
            return .stream(FileDownload(file: try await environment.readFile(path)))
        } catch { throw APIError(file: error) }
    }

    /// Stores a body as it comes. One that breaks off, or does not fit, leaves nothing.
    ///
    /// - Returns: its size in bytes.
    func upload(
        _ body: RequestBody, to path: String, in environment: SessionEnvironment, for caller: Principal
    ) async throws(APIError) -> Int64 {
        let customerID = caller.customerID
        let limit = Plan.of(ledger.read { $0.customer(customerID)?.tier ?? .free }).workspaceBytes
        let file: SessionFile
        do throws(SandboxError) { file = try await environment.writeFile(path, bytesMax: limit) } catch {
            throw APIError(file: error)
        }
        defer { file.close() }
        let failure: APIError
        do {
            var bytes: Int64 = 0
            for try await piece in body {
                try await file.write(Array(piece.readableBytesView))
                bytes += Int64(piece.readableBytes)
            }
            return bytes
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

    /// Removes a file or an empty directory.
    func remove(_ path: String, in environment: SessionEnvironment) async throws(APIError) {
        do throws(SandboxError) { try await environment.removeFile(path) } catch { throw APIError(file: error) }
    }

    /// What follows `files/`, percent-decoded; whether it may be opened is decided inside the sandbox.
    static func path(_ exchange: Exchange) throws(APIError) -> String {
        guard let path = exchange.rest.removingPercentEncoding, !path.isEmpty else {
            throw APIError(
                file: SandboxError(.invalidRequest, "the path is not valid percent-encoded UTF-8"))
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
