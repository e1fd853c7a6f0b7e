import EventStore
import Ledger
import NIOHTTP1
import Projections
import Proofs

/// How NanoTerm's WebSockets are opened: by `Authorization`, or by `?token=` for browsers, which cannot set headers. A
/// refusal is the HTTP answer to the handshake.
enum NanoTermHandshake {
    static func credential(_ headers: HTTPHeaders, _ query: [String: String]) -> WebSocketRoute.Credential? {
        if let header = headers.first(name: "authorization") {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return .init(token: String(parts[1]))
        }
        return query["token"].map { .init(token: $0) }
    }

    /// What a plain request to the path of a WebSocket gets: its caller is asked for as on every route, and a `?token=`
    /// is not looked at.
    static func plainRoute(of route: WebSocketRoute) -> Route {
        Route(.get, route.path, .key(route.permissions)) { _ throws(APIError) in
            throw APIError(
                .upgradeRequired,
                "This path speaks WebSocket (RFC 6455, HTTP/1.1). Send the handshake as a connection's first request.")
        }
    }
}
