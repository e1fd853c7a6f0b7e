import CanonicalJSON
import EventStore
import Foundation
import Ledger
import NIOCore
import NIOHTTP1
import Projections
import Proofs

/// A path at which connections become WebSockets: who may open one, and what happens on it.
///
/// ```swift
/// WebSocketRoute("/api/ws/:chat_id", .logsRead, credential: credential, refusals: .closing(closeCode)) { request in
///     let feed = try feed(named: request.parameter("chat_id"), for: request.caller)
///     return { connection in try await feed.run(on: connection) }
/// }
/// ```
///
/// Everything that can refuse is asked before the upgrade. A connection can only become a WebSocket with its first request.
struct WebSocketRoute: Sendable {
    /// How a client learns that it may not.
    enum Refusals: Sendable {
        /// By the HTTP answer to its handshake.
        case answering
        /// By a closing code after an upgrade, as browsers can see it.
        case closing(@Sendable (APIError) -> WebSocketClose)
    }

    /// Who a handshake says it comes from.
    struct Credential: Sendable {
        /// An API key or an access token.
        let token: String
        /// The subprotocol that carried it, which must be answered.
        var subprotocol: String?
    }

    /// Runs until the connection should end, and says how.
    typealias Body = @Sendable (WebSocketConnection) async throws -> WebSocketClose

    let path: String
    let permissions: Permissions
    /// Largest message taken, in bytes.
    let messageBytesMax: Int
    let refusals: Refusals
    let credential: @Sendable (HTTPHeaders, _ query: [String: String]) -> Credential?
    /// Looks at what is asked for, before the upgrade.
    let open: @Sendable (WebSocketRequest) async throws(APIError) -> Body

    init(
        _ path: String, _ permissions: Permissions, messageBytesMax: Int = 65_536, refusals: Refusals = .answering,
        credential: @escaping @Sendable (HTTPHeaders, _ query: [String: String]) -> Credential?,
        open: @escaping @Sendable (WebSocketRequest) async throws(APIError) -> Body
    ) {
        self.path = path
        self.permissions = permissions
        self.messageBytesMax = messageBytesMax
        self.refusals = refusals
        self.credential = credential
        self.open = open
    }

    /// What a plain request to the path gets; whatever token it carries is not looked at.
    var plainRoute: Route {
        Route(.get, path, .public) { _ throws(APIError) in
            throw APIError(
                .upgradeRequired,
                "This path speaks WebSocket (RFC 6455, HTTP/1.1). Send the handshake as a connection's first request.")
        }
    }

    /// What ``match(_:)`` calls that which `**` at the pattern's end captures, as it was sent.
    static let restName = "**"

    /// What the pattern captures of `path`; nil when it does not fit.
    func match(_ path: Substring) -> [String: String]? {
        var pattern = self.path.split(separator: "/", omittingEmptySubsequences: false)
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)
        var rest: String?
        if pattern.last == "**", segments.count >= pattern.count {
            pattern.removeLast()
            rest = segments[pattern.count...].joined(separator: "/")
            segments.removeLast(segments.count - pattern.count)
        }
        guard pattern.count == segments.count else { return nil }
        var captured: [String: String] = [:]
        for (expected, segment) in zip(pattern, segments) {
            if expected.hasPrefix(":") {
                guard let text = String(segment).removingPercentEncoding, !text.isEmpty else { return nil }
                captured[String(expected.dropFirst())] = text
            } else if expected != segment {
                return nil
            }
        }
        if let rest { captured[Self.restName] = rest }
        return captured
    }

    /// How an open connection of this route ends for a reason that its caller would be refused for.
    func close(for error: APIError) -> WebSocketClose {
        switch refusals {
        case .closing(let code): code(error)
        case .answering: WebSocketClose(1_008, error.message)
        }
    }
}

/// A handshake that was let in.
struct WebSocketRequest: Sendable {
    let parameters: [String: String]
    /// What `**` at the path's end captured, as it was sent.
    var rest = ""
    /// Of a repeated member the first; the token that it may hold is of no concern any more.
    let query: [String: String]
    let caller: Principal
    /// The server's own id of the request.
    let trace: String

    func parameter(_ name: String) -> String { parameters[name] ?? "" }
}

/// The open connection, as a route sees it.
struct WebSocketConnection: Sendable {
    /// The client's messages; ends when the connection does.
    let inbound: NIOAsyncChannelInboundStream<WebSocketMessage>
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketOutput>

    init(
        inbound: NIOAsyncChannelInboundStream<WebSocketMessage>,
        outbound: NIOAsyncChannelOutboundWriter<WebSocketOutput>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Sends JSON as text. Waits while the client does not read.
    func send(_ value: JSONValue) async throws {
        try await outbound.write(.text(ByteBuffer(bytes: value.canonicalBytes)))
    }

    /// Sends text. Waits while the client does not read.
    func send(text: String) async throws { try await outbound.write(.text(ByteBuffer(string: text))) }

    /// Sends bytes. Waits while the client does not read.
    func send(_ bytes: [UInt8]) async throws { try await outbound.write(.binary(ByteBuffer(bytes: bytes))) }

    /// Begins the end: nothing is sent after this.
    func close(_ close: WebSocketClose) async throws { try await outbound.write(.close(close)) }
}
