import EventStore
import Foundation
import HTTPTypes
import HummingbirdCore
import Ledger
import NIOCore
import Projections
import Proofs
import Sandbox

/// `/api/workspaces/:id/proxy/:port`: HTTP and WebSocket to a server that listens inside, on the session's own loopback.
struct NanoTermProxy: Sendable {
    let workspaces: NanoTermWorkspaces

    private static let path = NanoTermWorkspaceRoutes.path + "/:id/proxy/:port"
    /// Largest body of a request, in bytes. Answers may have any length.
    private static let bodyBytesMax = 16 << 20

    var routes: [Route] {
        [Self.path, Self.path + "/**"].flatMap { path in
            Route.Method.allCases.map { method in
                Route(
                    method, path, .key(.sessionsExec), idempotency: method == .post ? .notNeeded : nil, produces: [],
                    streamsBody: true
                ) { exchange throws(APIError) in try await forward(method, exchange) }
            }
        }
    }

    var webSockets: [WebSocketRoute] {
        [Self.path, Self.path + "/**"].map { path in
            WebSocketRoute(
                path, .sessionsExec, messageBytesMax: PortWebSocket.messageBytesMax,
                credential: NanoTermHandshake.credential, open: open)
        }
    }

    private func forward(_ method: Route.Method, _ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try workspaces.environment(exchange.parameter("id"), for: try exchange.caller())
        let port = try Self.port(exchange.parameter("port"))
        let (prefix, target) = Self.split(exchange.path, port: exchange.parameter("port"))
        let body = try await Self.body(of: exchange)
        var head = HTTPRequest(
            method: method.httpMethod, scheme: "http", authority: "localhost:\(port)",
            path: target + (exchange.queryText.map { "?" + $0 } ?? ""),
            headerFields: PortHeaders.inward(exchange.headers))
        if body.readableBytes > 0 || method != .get {
            head.headerFields[.contentLength] = String(body.readableBytes)
        }
        let socket = try await Self.connect(environment, port)
        guard let (answer, stream) = await PortRequest(head: head, body: body).send(over: socket) else {
            throw Self.unreachable("The server on port \(port) ended the connection without an answer.")
        }
        var response = APIResponse.stream(stream)
        response.status = answer.status.code
        response.contentType = answer.headerFields[.contentType] ?? "application/octet-stream"
        response.headers = PortHeaders.outward(answer.headerFields, prefix: prefix, port: port)
        return response
    }

    private func open(_ request: WebSocketRequest) async throws(APIError) -> WebSocketRoute.Body {
        let environment = try workspaces.environment(request.parameter("id"), for: request.caller)
        let port = try Self.port(request.parameter("port"))
        let socket = try await Self.connect(environment, port)
        var query = request.query
        query["token"] = nil
        let pairs = query.sorted { $0.key < $1.key }.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }
        let target = "/" + request.rest + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
        let inside = PortWebSocket(target: target, port: port)
        return { connection in try await inside.relay(over: socket, connection) }
    }

    private static func port(_ text: String) throws(APIError) -> UInt16 {
        guard let port = UInt16(text), port > 0 else {
            throw APIError(.badRequest, "The port must be 1 to 65535.", field: "port")
        }
        return port
    }

    private static func connect(_ environment: SessionEnvironment, _ port: UInt16) async throws(APIError) -> PortSocket
    {
        do throws(SandboxError) { return PortSocket(try await environment.connect(port: port)) } catch {
            switch error.code {
            case .connectionRefused: throw unreachable("Nothing listens on port \(port) of the workspace.")
            case .gone: throw .sessionEndedMeanwhile
            default:
                throw APIError(
                    .unavailable, "The workspace cannot be reached: \(error.message)", retryAfterSeconds: 5)
            }
        }
    }

    private static func unreachable(_ message: String) -> APIError {
        APIError(.unavailable, message, reason: NanoTermCode.portUnreachable.rawValue)
    }

    /// The whole body: the server inside must be told how long it is.
    private static func body(of exchange: Exchange) async throws(APIError) -> ByteBuffer {
        guard let stream = exchange.bodyStream else { return ByteBuffer() }
        do { return try await stream.collect(upTo: bodyBytesMax) } catch {
            throw APIError(.contentTooLarge, "Through the proxy a body may have at most \(bodyBytesMax) bytes.")
        }
    }

    /// Where the port's `/` is reached, and the path behind it as it was sent.
    static func split(_ path: String, port: String) -> (prefix: String, target: String) {
        guard let range = path.range(of: "/proxy/\(port)") else { return (path, "/") }
        let target = String(path[range.upperBound...])
        return (String(path[..<range.upperBound]), target.hasPrefix("/") ? target : "/" + target)
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
