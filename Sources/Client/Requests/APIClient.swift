import AsyncHTTPClient
public import CanonicalJSON
import Foundation
import NIOCore
import NIOHTTP1

/// Asks one server, with one key. Refused requests are sent once more when the server says that a short wait is enough.
///
/// ```swift
/// try await APIClient.using(credentials) { client in
///     let account = try await client.json(APIRequest(.get, "/v1/customers/me"))
/// }
/// ```
public struct APIClient: Sendable {
    /// As the server sees it: `X-Client-Name` and `X-Client-Version`.
    public static let name = "nrx"
    public static let version = "0.1.0"
    /// Longest `Retry-After`, in seconds, that is waited for.
    public static let retryAfterSecondsMax = 5
    /// Largest answer that is taken whole, in bytes.
    static let answerBytesMax = 64 << 20
    /// Silence on a connection after which it counts as broken; streams are kept alive every 10 seconds.
    private static let silenceSecondsMax: Int64 = 60

    public let credentials: Credentials
    private let http: HTTPClient
    private let wait: @Sendable (Int) async throws -> Void

    private init(_ credentials: Credentials, _ http: HTTPClient, wait: @escaping @Sendable (Int) async throws -> Void) {
        self.credentials = credentials
        self.http = http
        self.wait = wait
    }

    /// Runs `body` with a client, and closes its connections.
    ///
    /// - Parameter wait: waits that many seconds before a request is sent once more.
    public static func using<Value>(
        _ credentials: Credentials,
        wait: @escaping @Sendable (Int) async throws -> Void = { try await Task.sleep(for: .seconds($0)) },
        _ body: (APIClient) async throws -> Value
    ) async throws -> Value {
        var configuration = HTTPClient.Configuration()
        // A redirect could carry the key to somebody else.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        configuration.timeout.read = .seconds(silenceSecondsMax)
        configuration.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Value, any Error>
        do { result = .success(try await body(APIClient(credentials, http, wait: wait))) } catch {
            result = .failure(error)
        }
        try await http.shutdown()
        return try result.get()
    }

    /// The answer as JSON.
    ///
    /// - Throws: ``ClientError`` with the server's words when it said no.
    public func json(_ request: APIRequest) async throws(ClientError) -> JSONValue {
        let bytes = try await bytes(of: try await open(request))
        do { return try JSONReader.read(bytes, numbers: .ieee754) } catch {
            throw ClientError(.unexpected, "\(credentials.server.text) did not answer with JSON. Is it an nrx-server?")
        }
    }

    /// The answer's body piece by piece.
    func open(_ request: APIRequest) async throws(ClientError) -> HTTPClientResponse {
        let prepared = try prepared(request)
        let response = try await send(prepared, request)
        guard response.status.code >= 300 else { return response }
        let seconds = response.headers.first(name: "retry-after").flatMap(Int.init)
        if let seconds, (0...Self.retryAfterSecondsMax).contains(seconds), request.isRepeatable {
            do { try await wait(seconds) } catch { throw ClientError(.network, "Interrupted.") }
            let again = try await send(prepared, request)
            guard again.status.code >= 300 else { return again }
            throw try await refusal(again)
        }
        throw try await refusal(response)
    }

    /// Opens the WebSocket of a terminal.
    ///
    /// - Throws: ``ClientError`` with the server's words when it said no.
    func openTerminal(_ request: APIRequest) async throws(ClientError) -> TerminalConnection {
        let headers = try prepared(request).headers
        let open = { () async throws(ClientError) -> TerminalConnection in
            try await TerminalConnection.open(
                request.target, on: credentials.server, headers: headers, refusal: refusal)
        }
        do throws(ClientError) { return try await open() } catch {
            guard let seconds = error.retryAfterSeconds, (0...Self.retryAfterSecondsMax).contains(seconds) else {
                throw error
            }
            do { try await wait(seconds) } catch { throw ClientError(.network, "Interrupted.") }
            return try await open()
        }
    }

    private func prepared(_ request: APIRequest) throws(ClientError) -> HTTPClientRequest {
        var prepared = HTTPClientRequest(url: credentials.server.text + request.target)
        prepared.method = HTTPMethod(rawValue: request.method.rawValue)
        prepared.headers.add(name: "X-Client-Name", value: Self.name)
        prepared.headers.add(name: "X-Client-Version", value: Self.version)
        prepared.headers.add(name: "User-Agent", value: "\(Self.name)/\(Self.version)")
        prepared.headers.add(name: "Accept", value: request.accept)
        if let token = request.bearer ?? credentials.apiKey {
            prepared.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        // The same thing is done once, however often it is sent.
        if request.method == .post { prepared.headers.add(name: "Idempotency-Key", value: UUID().uuidString) }
        return prepared
    }

    private func send(_ prepared: HTTPClientRequest, _ request: APIRequest) async throws(ClientError)
        -> HTTPClientResponse
    {
        var prepared = prepared
        switch request.body {
        case .none: break
        case .json(let value):
            prepared.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
            prepared.body = .bytes(ByteBuffer(bytes: value.canonicalBytes))
        case .file(let path):
            let file = try await InputFile.open(path)
            prepared.headers.replaceOrAdd(name: "Content-Type", value: "application/octet-stream")
            prepared.body = .stream(file.pieces, length: file.size.map { .known($0) } ?? .unknown)
        }
        do { return try await http.execute(prepared, deadline: .distantFuture) } catch let error as ClientError {
            throw error
        } catch {
            throw ClientError(
                .network,
                "\(credentials.server.text) cannot be reached: \(error). Is the server running there? "
                    + "--server or NRX_SERVER names another.")
        }
    }

    /// The whole of a body.
    func bytes(of response: HTTPClientResponse) async throws(ClientError) -> [UInt8] {
        do { return Array(try await response.body.collect(upTo: Self.answerBytesMax).readableBytesView) } catch {
            throw ClientError(.network, "The answer broke off: \(error).")
        }
    }

    /// What the server said, in its own words.
    private func refusal(_ response: HTTPClientResponse) async throws(ClientError) -> ClientError {
        refusal(Int(response.status.code), response.headers, try await bytes(of: response))
    }

    /// What the server said, in its own words: in the native envelope, or in NanoTerm's.
    private func refusal(_ status: Int, _ headers: HTTPHeaders, _ bytes: [UInt8]) -> ClientError {
        let document: JSONValue?
        do { document = try JSONReader.read(bytes, numbers: .ieee754) } catch { document = nil }
        var message =
            document?["message"]?.string ?? document?["error"]?["message"]?.string
            ?? "The server answered \(status)."
        if status == 401, credentials.apiKey == nil { message = "Nobody is signed in. Run `nrx login`." }
        if let seconds = headers.first(name: "retry-after") { message += " Try again in \(seconds) s." }
        var error = ClientError(.refused, message, status: status, answer: document)
        error.retryAfterSeconds = headers.first(name: "retry-after").flatMap { Int($0) }
        return error
    }
}
