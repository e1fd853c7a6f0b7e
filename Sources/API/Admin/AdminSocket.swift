import EventStore
import Foundation
import Hummingbird
import Logging
import NIOCore

/// The administration socket: a Unix socket in the data directory that only the user who runs the server can reach. The
/// directory is 0700 and the socket 0600; who connects is asked of the kernel too (SO_PEERCRED).
struct AdminSocket: Sendable {
    /// Longest path of a Unix socket on Linux, without its final zero byte.
    static let pathBytesMax = 107

    let path: String
    let routes: [Route]
    let dialect: Dialect
    let projections: ProjectionFollower
    let logger: Logger

    /// Where the socket of the server on `dataDirectory` is.
    static func path(dataDirectory: String) -> String {
        let directory = URL(fileURLWithPath: dataDirectory).standardizedFileURL.path
        return directory + "/admin/socket"
    }

    /// Whether the path is short enough for a socket.
    var isPossible: Bool { path.utf8.count <= Self.pathBytesMax }

    /// Makes the directory and removes a dead server's socket. Whoever calls this holds the log's lock.
    ///
    /// - Parameter listening: called once commands are taken.
    /// - Returns: nil when the path is too long for a socket; the log then says so.
    func application(listening: @escaping @Sendable () -> Void) throws -> (any ApplicationProtocol)? {
        guard isPossible else {
            logger.error(
                "no administration socket: its path is too long. Use a --data-dir with a shorter path.",
                metadata: ["path": .string(path)])
            return nil
        }
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory)
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        let (path, logger) = (path, logger)
        return Application(
            router: router(),
            configuration: .init(address: .unixDomainSocket(path: path), serverName: "nrx-ledger"),
            onServerRunning: { _ in
                do {
                    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                } catch {
                    logger.error("the administration socket's mode is not 0600", metadata: ["error": "\(error)"])
                }
                listening()
            }, logger: logger)
    }

    func router() -> Router<AdminRequestContext> {
        let router = Router(context: AdminRequestContext.self)
        for route in routes {
            router.on(RouterPath(stringLiteral: route.path), method: route.method.httpMethod) { request, context in
                let response = await answer(request, context, route).response
                // What the operator changed stands in the log; what was only looked at (a scrape of the metrics) does not.
                logger.log(
                    level: route.method == .get ? .debug : .info, "operator's request",
                    metadata: [
                        "trace": .string(context.trace), "method": .string(route.method.rawValue),
                        "route": .string(route.path), "status": .stringConvertible(response.status.code),
                    ])
                return response
            }
        }
        return router
    }

    private func answer(_ request: Request, _ context: AdminRequestContext, _ route: Route) async -> APIResponse {
        do throws(APIError) {
            try await PeerCredentials.check(context.channel)
            try await projections.caughtUpWithAnswers()
            let buffer: ByteBuffer
            do { buffer = try await request.body.collect(upTo: route.bodyBytesMax) } catch {
                throw APIError(.contentTooLarge, "The body is larger than \(route.bodyBytesMax) bytes.")
            }
            let exchange = Exchange(
                parameters: Dictionary(
                    context.parameters.map { (String($0.key), $0.value.removingPercentEncoding ?? String($0.value)) },
                    uniquingKeysWith: { first, _ in first }),
                query: Dictionary(
                    request.uri.queryParameters.map { (String($0.key), String($0.value)) },
                    uniquingKeysWith: { first, _ in first }),
                body: Array(buffer.readableBytesView), trace: context.trace, principal: nil)
            return try await route.handler(exchange)
        } catch { return dialect.answer(to: error) }
    }
}

/// What the administration socket knows of a request.
struct AdminRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let trace: String
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        trace = RequestFacts.newTrace()
    }
}

/// Who is at the other end of a Unix socket, as the kernel recorded it when they connected (unix(7)).
struct PeerCredentials: Sendable {
    // The layout of `struct ucred`.
    private var pid: Int32 = 0
    private var uid: UInt32 = 0
    private var gid: UInt32 = 0

    /// - Throws: `forbidden` unless it is the user who runs the server, or root.
    static func check(_ channel: any Channel) async throws(APIError) {
        guard let socket = channel as? any SocketOptionProvider else { throw refused }
        let peer: PeerCredentials
        do {
            peer = try await socket.unsafeGetSocketOption(
                level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_PEERCRED)
            ).get()
        } catch { throw refused }
        guard allows(uid: peer.uid) else { throw refused }
    }

    static func allows(uid: UInt32) -> Bool { uid == geteuid() || uid == 0 }

    private static let refused = APIError(
        .forbidden, "Only the user who runs the server may use its administration socket.")
}
