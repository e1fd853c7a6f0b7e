import AsyncHTTPClient
import CanonicalJSON
import NIOCore
import NIOHTTP1
import ServerFixtures
import Testing

extension ServerProcess {
    private static let bodyBytesMax = 16 << 20

    /// A client that says at once when there is no server any more.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// Sends a request over real HTTP.
    func send(
        _ method: String, _ path: String, key: String? = nil, headers: [(String, String)] = [], bytes: [UInt8]? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let bytes {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await Self.client.execute(request, timeout: .seconds(300))
        let body = try await response.body.collect(upTo: Self.bodyBytesMax)
        return Answer(
            status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
            body: Array(body.readableBytesView))
    }

    /// Sends a request with a JSON body.
    func send(_ method: String, _ path: String, key: String? = nil, _ body: JSONValue) async throws -> Answer {
        try await send(method, path, key: key, bytes: body.canonicalBytes)
    }

    /// Signs somebody up and returns the API key.
    func signUp(_ email: String = "you@company.com") async throws -> String {
        let answer = try await send("POST", "/v1/signup", ["email": .string(email)])
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer["api_key"]?.string)
    }

    /// Makes a session and returns its id.
    func createSession(_ key: String, _ body: JSONValue = [:]) async throws -> String {
        let answer = try await send("POST", "/v1/sessions", key: key, body)
        try #require(answer.status == 201, "\(answer)")
        return try #require(answer["session_id"]?.string)
    }

    /// Runs a shell command in a session.
    func execute(_ command: String, in session: String, key: String) async throws -> Answer {
        try await send("POST", "/v1/sessions/\(session)/exec", key: key, ["command": .string(command)])
    }

    /// Waits until a session has this status; a test that fails does so after ten seconds. Few requests, for keys
    /// have a limit a minute.
    func waitFor(_ status: String, of session: String, key: String) async throws {
        for _ in 0..<50 {
            if try await send("GET", "/v1/sessions/\(session)", key: key)["status"]?.string == status { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        Issue.record("session \(session) never was \(status)")
    }
}
