import EventStore
import Foundation
import HTTPTypes
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import Projections
import Proofs
import Synchronization

/// Decides about WebSocket handshakes, with the same keys, limits and counters as every other request, and watches over
/// the connections that it let in.
struct WebSocketDoor: Sendable {
    /// What becomes of a handshake.
    enum Admission: Sendable {
        /// Not a WebSocket.
        case answer(APIResponse)
        /// Upgraded.
        case session(Session)
    }

    /// A connection that was let in, or whose refusal is told after the upgrade.
    struct Session: Sendable {
        let route: WebSocketRoute
        let subprotocol: String?
        let trace: String
        fileprivate let opened: Result<Opened, APIError>
    }

    fileprivate struct Opened: Sendable {
        let body: WebSocketRoute.Body
        let lease: WebSocketLeases.Lease
        let isStillAllowed: @Sendable () async -> Bool
    }

    let routes: [WebSocketRoute]
    let authenticator: Authenticator
    let memberAuthenticator: MemberAuthenticator
    let meter: RequestMeter
    let clients: ClientAddress
    let limits: RequestLimits
    let leases: WebSocketLeases
    /// Origins, beside the server's own, whose pages may open one.
    let allowedOrigins: Set<String>
    let ledger: LedgerService
    let metrics: ServerMetrics
    let logger: Logger

    /// Longest time until a caller that may no longer is noticed without any event.
    private static let checkInterval = Duration.seconds(10)

    /// The route for a handshake to `uri`, or nil.
    func route(for uri: String) -> WebSocketRoute? {
        let path = uri.prefix { $0 != "?" }
        return routes.first { $0.match(path) != nil }
    }

    /// The largest message that any route takes, in bytes.
    var messageBytesMax: Int { routes.map(\.messageBytesMax).max() ?? 0 }

    func admit(_ head: HTTPRequestHead, to route: WebSocketRoute, from peer: InternetAddress?) async -> Admission {
        let trace = RequestFacts.newTrace()
        let query = Self.query(of: head.uri)
        let credential = route.credential(head.headers, query)
        let result: Result<Opened, APIError>
        do throws(APIError) {
            result = .success(
                try await open(head, route, credential, query: query, from: peer, trace: trace))
        } catch {
            if let limit = error.limit { metrics.reached(limit) }
            result = .failure(error)
        }
        if case .failure(let error) = result, case .answering = route.refusals {
            log(route, trace, "refused", error.code.rawValue)
            return .answer(Dialect.speaking(at: String(head.uri.prefix { $0 != "?" })).answer(to: error))
        }
        return .session(
            Session(route: route, subprotocol: credential?.subprotocol, trace: trace, opened: result))
    }

    private func open(
        _ head: HTTPRequestHead, _ route: WebSocketRoute, _ credential: WebSocketRoute.Credential?,
        query: [String: String], from peer: InternetAddress?, trace: String
    ) async throws(APIError) -> Opened {
        try await ledger.projections.caughtUpWithAnswers()
        let report = LimitReport()
        let address = clients.find(peer: peer, forwardedFor: head.headers["x-forwarded-for"])
        try limits.admit(address, .overall, report: report)
        try checkOrigin(head.headers)
        try Dialect.speaking(at: String(head.uri.prefix { $0 != "?" })).admit?(
            head.headers.first(name: "x-client-name"), head.headers.first(name: "x-client-version"))
        guard let credential else { throw .unauthorized }
        let (caller, isStillAllowed) = try await identify(credential.token, from: address, trace: trace)
        if let key = caller.key {
            try limits.admit(
                key.id, requestsPerMinute: Plan.of(key.tier).requestsPerMinute(of: key.prefix), report: report)
            try await meter.count(key, trace: trace)
        }
        guard caller.permissions.isSuperset(of: route.permissions) else {
            throw .lacking(route.permissions.subtracting(caller.permissions), caller.noun)
        }
        var parameters = route.match(head.uri.prefix { $0 != "?" }) ?? [:]
        let rest = parameters.removeValue(forKey: WebSocketRoute.restName) ?? ""
        let request = WebSocketRequest(
            parameters: parameters, rest: rest, query: query, caller: caller, trace: trace)
        let body = try await route.open(request)
        return Opened(
            body: body, lease: try leases.take(caller, from: address), isStillAllowed: isStillAllowed)
    }

    /// Browsers always say where a page comes from, other clients seldom do.
    private func checkOrigin(_ headers: HTTPHeaders) throws(APIError) {
        guard let origin = headers.first(name: "origin") else { return }
        guard allowedOrigins.contains(origin) || CookieGuard.isOwn(origin, host: headers.first(name: "host")) else {
            throw APIError(
                .forbidden,
                "Pages of this origin may not open WebSockets here. The operator can allow it: --cors-origin.")
        }
    }

    /// Who shows the token, and a cheap way to ask again whether they still may.
    private func identify(
        _ token: String, from address: InternetAddress?, trace: String
    ) async throws(APIError) -> (Principal, @Sendable () async -> Bool) {
        let presented = BearerToken(token: token)
        guard presented.isAccessToken else {
            let caller = try authenticator.authenticate(presented, from: address, trace: trace)
            return (
                caller,
                { [authenticator] in
                    authenticator.isAccepted(token, from: address)?.permissions == caller.permissions
                }
            )
        }
        let caller = try await memberAuthenticator.authenticate(token, environment: .live)
        return (
            caller,
            { [memberAuthenticator] in
                do throws(APIError) {
                    return try await memberAuthenticator.authenticate(token, environment: .live) == caller
                } catch { return false }
            }
        )
    }

    /// Runs a session until it ends, and begins the closing handshake.
    func run(_ session: Session, on connection: WebSocketConnection) async throws {
        var close: WebSocketClose
        switch session.opened {
        case .failure(let error): close = session.route.close(for: error)
        case .success(let opened):
            defer { leases.giveBack(opened.lease) }
            close = await end(of: opened, session.route, on: connection)
        }
        log(session.route, session.trace, "closed", String(close.code))
        try await connection.close(close)
    }

    /// Whatever comes first: the route is done, or its caller may no longer.
    private func end(
        of opened: Opened, _ route: WebSocketRoute, on connection: WebSocketConnection
    ) async -> WebSocketClose {
        await withTaskGroup(of: WebSocketClose?.self) { group in
            group.addTask {
                do { return try await opened.body(connection) } catch {
                    // The connection broke, or the other end closed it while something was being sent.
                    return .normal
                }
            }
            group.addTask {
                for await _ in ledger.projections.growth(atLeastEvery: Self.checkInterval) {
                    guard await opened.isStillAllowed() else { return route.close(for: .unauthorized) }
                }
                return Task.isCancelled ? nil : .goingAway
            }
            defer { group.cancelAll() }
            for await close in group { if let close { return close } }
            return .normal
        }
    }

    private func log(_ route: WebSocketRoute, _ trace: String, _ what: String, _ why: String) {
        // The pattern, so that neither ids nor tokens reach the process's log.
        logger.info(
            "websocket \(what)",
            metadata: ["trace": .string(trace), "route": .string(route.path), "why": .string(why)])
    }

    /// The members of the query; of a repeated one the first.
    private static func query(of uri: String) -> [String: String] {
        guard let mark = uri.firstIndex(of: "?") else { return [:] }
        var query: [String: String] = [:]
        for pair in uri[uri.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = String(parts[0]).removingPercentEncoding, query[name] == nil else { continue }
            query[name] = parts.count == 2 ? String(parts[1]).removingPercentEncoding ?? "" : ""
        }
        return query
    }
}
