import Hummingbird
import Logging
import Testing

/// Somebody else's server, played by a test on a free port of this machine.
enum LocalServer {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs `body` while `router` is served; it gets the address, without a slash behind it.
    static func serve<Value: Sendable>(
        _ router: Router<BasicRequestContext>, _ body: @Sendable (String) async throws -> Value
    ) async throws -> Value {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: quiet)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.runService(gracefulShutdownSignals: []) }
            defer { group.cancelAll() }
            let port = await ports.first { _ in true }
            return try await body("http://127.0.0.1:\(try #require(port))")
        }
    }
}
