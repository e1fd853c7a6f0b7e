import CanonicalJSON
import EventStore
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Ledger
import Logging
import NIOCore
import Projections
import ServerFixtures
import Synchronization
import Testing

@testable import API

/// A whole server in this process: real vault, log, projections and sandbox in a directory of its own, a clock that the
/// test moves, a disk that the test can break.
struct TestServer: Sendable {
    let server: Server
    let clock: TestClock
    let disk: BreakableDisk
    let directory: TemporaryDirectory
    let client: any TestClientProtocol

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs `body` with a server that nobody else uses, and stops it whatever happens.
    ///
    /// - Parameters:
    ///   - isolating: whether it can start sessions; without, it comes up at once and refuses them.
    ///   - limited: whether limits a minute follow the test's clock; without, an hour passes for them at each look, so that
    ///     none is ever reached.
    ///   - logger: where the server logs.
    ///   - setup: `.router` skips the network, `.live` goes through it.
    ///   - configure: changes the configuration before the start.
    static func with<Value: Sendable>(
        isolating: Bool = false, limited: Bool = false, _ setup: TestingSetup = .router, region: String = "us",
        logger: Logger = quiet, configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @Sendable (TestServer) async throws -> Value
    ) async throws -> Value {
        let directory = try TemporaryDirectory()
        let (clock, disk) = (TestClock(), BreakableDisk())
        var configuration = ServerConfiguration()
        configuration.dataDirectory = directory.path
        configuration.segmentBytes = 1 << 20
        configuration.warmPoolSize = 0
        configuration.region = region
        configuration.initPath = isolating ? try BuiltPrograms.path("nrx-init") : directory.path + "/no-init"
        configure(&configuration)
        let hours = HourClock()
        var surroundings = Surroundings(now: { clock.now }, fileSystem: disk)
        surroundings.uptime = { limited ? clock.now.microseconds : hours.next() }
        surroundings.passwordCost = PasswordHasher.Cost(passes: 1, memoryBytes: 8_192)
        let server = try await Server.start(
            configuration: configuration, surroundings: surroundings, logger: logger)
        do {
            let value = try await Application(router: server.router(), logger: quiet).test(setup) { client in
                try await body(
                    TestServer(server: server, clock: clock, disk: disk, directory: directory, client: client))
            }
            if disk.isBroken { try? await server.stop() } else { try await server.stop() }
            return value
        } catch {
            try? await server.stop()
            throw error
        }
    }

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - key: the API key, when there is one.
    ///   - body: bytes as they go over the wire.
    func send(
        _ method: HTTPRequest.Method, _ path: String, key: String? = nil, headers: [(String, String)] = [],
        bytes: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        if let key { fields[.authorization] = "Bearer \(key)" }
        if bytes != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { fields[try #require(HTTPField.Name(name))] = value }
        return try await client.execute(
            uri: path, method: method, headers: fields, body: bytes.map { ByteBuffer(bytes: $0) }
        ) { response in
            Answer(
                status: response.status.code, headers: response.headers.map { ($0.name.rawName, $0.value) },
                body: Array(response.body.readableBytesView))
        }
    }

    /// Sends a request with a JSON body.
    func send(_ method: HTTPRequest.Method, _ path: String, key: String? = nil, _ body: JSONValue) async throws
        -> Answer
    {
        try await send(method, path, key: key, bytes: body.canonicalBytes)
    }

    /// Signs somebody up and returns the API key.
    func signUp(_ email: String = "you@company.com") async throws -> String {
        let answer = try await send(.post, "/v1/signup", ["email": .string(email)])
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer["api_key"]?.string)
    }

    /// Makes a session and returns its id.
    func createSession(_ key: String, _ body: JSONValue = [:]) async throws -> String {
        let answer = try await send(.post, "/v1/sessions", key: key, body)
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer["session_id"]?.string)
    }

    /// Runs a shell command in a session.
    func execute(_ command: String, in session: String, key: String) async throws -> Answer {
        try await send(.post, "/v1/sessions/\(session)/exec", key: key, ["command": .string(command)])
    }

    /// The status of a session as its owner sees it.
    func status(of session: String, key: String) async throws -> String? {
        try await send(.get, "/v1/sessions/\(session)", key: key)["status"]?.string
    }

    /// Waits until a session has one of these statuses and that can be read; a test that fails does so after two minutes.
    func waitFor(_ statuses: Set<SessionStatus>, of session: String) async throws -> SessionStatus? {
        let id = try #require(SessionID(session))
        func status() -> SessionStatus? {
            server.ledger.read { $0.liveSession(id)?.status ?? $0.endedSession(id)?.status }
        }
        for _ in 0..<12_000 {
            if let status = status(), statuses.contains(status) { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        // What the state decided may still be on its way to the disk.
        try await server.ledger.projections.caughtUp(to: server.ledger.read { $0.position })
        return status()
    }
}

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp("2026-03-01T14:00:00Z") ?? Timestamp(microseconds: 0))

    var now: Timestamp { time.withLock { $0 } }

    func advance(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }

    func advance(microseconds: Int64) {
        time.withLock { $0 = Timestamp(microseconds: $0.microseconds + microseconds) }
    }
}

/// A clock on which an hour passes at every look.
private final class HourClock: Sendable {
    private let hours = Atomic<Int64>(0)

    func next() -> Int64 { hours.add(1, ordering: .relaxed).newValue * 3_600_000_000 }
}
