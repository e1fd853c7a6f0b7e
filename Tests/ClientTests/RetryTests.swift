import CanonicalJSON
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Synchronization
import Testing

@testable import Client

@Suite("A request that is refused for a while", .timeLimit(.minutes(10)))
struct RetryTests {
    /// What a server saw, and what it answers: some refusals, then the answer.
    private final class Script: Sendable {
        private let state = Mutex((refusals: 0, seen: [HTTPFields]()))
        private let retryAfter: String?

        init(refusals: Int, retryAfter: String?) {
            state.withLock { $0.refusals = refusals }
            self.retryAfter = retryAfter
        }

        var seen: [HTTPFields] { state.withLock { $0.seen } }

        func answer(_ request: Request) -> Response {
            let isRefused = state.withLock { state in
                state.seen.append(request.headers)
                state.refusals -= 1
                return state.refusals >= 0
            }
            guard isRefused else {
                return Response(status: .ok, body: .init(byteBuffer: .init(string: #"{"done":true}"#)))
            }
            var fields = HTTPFields()
            if let retryAfter { fields[.retryAfter] = retryAfter }
            return Response(
                status: .tooManyRequests, headers: fields,
                body: .init(byteBuffer: .init(string: #"{"message":"Too many.","status":429}"#)))
        }
    }

    private func ask(
        _ script: Script, _ request: APIRequest = APIRequest(.get, "/v1/customers/me")
    ) async throws -> (result: Result<JSONValue, ClientError>, waits: [Int]) {
        let router = Router()
        router.get("/v1/customers/me") { request, _ in script.answer(request) }
        router.post("/v1/sessions") { request, _ in script.answer(request) }
        let waits = Mutex<[Int]>([])
        let result = try await Application(router: router).test(.live) { server in
            let address = try ServerAddress("http://127.0.0.1:\(try #require(server.port))")
            let credentials = Credentials(server: address, apiKey: "nrx_live_x")
            return try await APIClient.using(
                credentials, wait: { seconds in waits.withLock { $0.append(seconds) } }
            ) { client -> Result<JSONValue, ClientError> in
                do throws(ClientError) { return .success(try await client.json(request)) } catch {
                    return .failure(error)
                }
            }
        }
        return (result, waits.withLock { $0 })
    }

    @Test("is sent once more when the wait is short", arguments: [0, 1, 5])
    func shortWait(seconds: Int) async throws {
        let script = Script(refusals: 1, retryAfter: String(seconds))
        let (result, waits) = try await ask(script)
        #expect(try result.get() == ["done": true])
        #expect(waits == [seconds])
        #expect(script.seen.count == 2)
    }

    @Test("once only")
    func onceOnly() async throws {
        let script = Script(refusals: 2, retryAfter: "1")
        let (result, waits) = try await ask(script)
        #expect(throws: ClientError.self) { try result.get() }
        #expect(waits == [1])
        #expect(script.seen.count == 2)
    }

    @Test("is not sent again after a long wait, or when the server says nothing", arguments: ["6", "60", "-1", nil])
    func longWait(retryAfter: String?) async throws {
        let script = Script(refusals: 1, retryAfter: retryAfter)
        let (result, waits) = try await ask(script)
        guard case .failure(let error) = result else {
            Issue.record("a refusal is no answer")
            return
        }
        #expect(error.code == .refused && error.status == 429 && error.message.hasPrefix("Too many."))
        #expect(waits.isEmpty && script.seen.count == 1)
    }

    @Test("says who asks, and does a POST under the same idempotency key")
    func headers() async throws {
        let script = Script(refusals: 1, retryAfter: "0")
        _ = try await ask(script, APIRequest(.post, "/v1/sessions", body: .json([:])))
        let names = try ["X-Client-Name", "X-Client-Version", "Idempotency-Key"].map {
            try #require(HTTPField.Name($0))
        }
        for fields in script.seen {
            #expect(fields[names[0]] == "nrx" && fields[names[1]] == APIClient.version)
            #expect(fields[.authorization] == "Bearer nrx_live_x")
        }
        let keys = Set(script.seen.map { $0[names[2]] })
        #expect(keys.count == 1 && keys.first??.utf8.count == 36)
    }

    @Test("is not sent again from standard input, which is gone")
    func standardInput() {
        #expect(!APIRequest(.put, "/x", body: .file(path: nil)).isRepeatable)
        #expect(APIRequest(.put, "/x", body: .file(path: "a")).isRepeatable)
    }
}
