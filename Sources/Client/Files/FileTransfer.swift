import AsyncHTTPClient
public import CanonicalJSON
import NIOCore

/// Files of a live session's workspace, in and out.
public struct FileTransfer: Sendable {
    private let client: APIClient
    private let session: String

    public init(_ client: APIClient, session: String) {
        self.client = client
        self.session = APIRequest.encoded(session)
    }

    /// The entries of a directory.
    public func list(_ path: String) async throws(ClientError) -> JSONValue {
        try await client.json(APIRequest(.get, "/v1/sessions/\(session)/files", query: [("path", path)]))
    }

    /// Sends a file of this machine; nil is standard input.
    public func put(_ local: String?, to path: String) async throws(ClientError) -> JSONValue {
        try await client.json(APIRequest(.put, try target(path), body: .file(path: local)))
    }

    /// Fetches a file as it comes. What breaks off leaves nothing.
    ///
    /// - Returns: its size in bytes.
    public func get(_ path: String, to output: OutputFile) async throws(ClientError) -> Int64 {
        var request = APIRequest(.get, try target(path))
        request.accept = "application/octet-stream, application/json"
        do {
            let response = try await client.open(request)
            var bytes: Int64 = 0
            for try await piece in response.body {
                bytes += Int64(piece.readableBytes)
                try await output.write(Array(piece.readableBytesView))
            }
            try await output.finish()
            return bytes
        } catch {
            output.abandon()
            throw error as? ClientError ?? ClientError(.network, "The file broke off: \(error).")
        }
    }

    public func remove(_ path: String) async throws(ClientError) -> JSONValue {
        try await client.json(APIRequest(.delete, try target(path)))
    }

    private func target(_ path: String) throws(ClientError) -> String {
        guard !path.isEmpty else {
            throw ClientError(.usage, "Name a file of the workspace, for example data/rows.csv.")
        }
        return "/v1/sessions/\(session)/files/" + APIRequest.encoded(path: path)
    }
}
