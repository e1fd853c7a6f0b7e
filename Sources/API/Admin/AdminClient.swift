import AsyncHTTPClient
public import CanonicalJSON
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks to a running server over its administration socket.
public struct AdminClient: Sendable {
    private static let secondsMax: Int64 = 60
    private static let answerBytesMax = 8 << 20

    private let path: String

    /// - Parameter dataDirectory: the running server's `--data-dir`.
    public init(dataDirectory: String) { path = AdminSocket.path(dataDirectory: dataDirectory) }

    /// Sends one command.
    ///
    /// - Returns: the server's answer.
    /// - Throws: ``ServerError`` with the server's message, or saying that no server answers.
    public func send(_ method: String, _ route: String, body: JSONValue? = nil) async throws(ServerError) -> JSONValue {
        guard FileManager.default.fileExists(atPath: path), path.utf8.count <= AdminSocket.pathBytesMax else {
            throw noServer("there is no socket")
        }
        let answered: (status: UInt, bytes: [UInt8])
        do { answered = try await exchange(method, route, body) } catch { throw noServer("\(error)") }
        let answer: JSONValue
        do { answer = try JSONReader.read(answered.bytes) } catch {
            throw ServerError("The server's answer cannot be read: \(error). Is it of the same version?")
        }
        guard (200..<300).contains(answered.status) else {
            throw ServerError(answer.object?["message"]?.string ?? "The server answered \(answered.status).")
        }
        return answer
    }

    private func exchange(_ method: String, _ route: String, _ body: JSONValue?) async throws -> (
        status: UInt, bytes: [UInt8]
    ) {
        let host = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? path
        var request = HTTPClientRequest(url: "http+unix://\(host)\(route)")
        request.method = HTTPMethod(rawValue: method)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.canonicalBytes))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(Self.secondsMax))
        let buffer = try await response.body.collect(upTo: Self.answerBytesMax)
        return (response.status.code, Array(buffer.readableBytesView))
    }

    private func noServer(_ why: String) -> ServerError {
        ServerError(
            "No server answers at \(path) (\(why)). Start nrx-server with the same --data-dir, and run this as the same user."
        )
    }
}
