import NIOHTTP1
import AsyncHTTPClient
import CanonicalJSON
import NIOCore
import NIOHTTP1
import ServerFixtures
import Synchronization
import Testing

@Suite("Revocation", .serialized, .timeLimit(.minutes(10)))
struct RevocationTests {
    private static let connections = 64

    /// How far the story is.
    private final class Progress: Sendable {
        let isEnded = Atomic(false)
        let served = Atomic(0)
    }

    /// What the callers saw of one way to end a key.
    private struct Seen: Sendable {
        var before: [Int: Int] = [:]
        var after: [Int: Int] = [:]
    }

    @Test(
        "while 64 connections use a key without a pause, no request succeeds that began after the answer that ended it",
        arguments: ["DELETE", "POST"])
    func hammered(method: String) async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let owner = try await server.signUp()
        // A dialect without a limit per minute, so that nothing but the key's end refuses a request.
        let made = try await server.send(
            "POST", "/v1/api-keys", key: owner,
            ["name": "agent", "prefix": "nanda_", "permissions": ["keys:read"]])
        let (id, key) = (try #require(made["id"]?.string), try #require(made["api_key"]?.string))
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connections
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let progress = Progress()
        let seen = try await withThrowingTaskGroup(of: Seen.self) { group in
            for _ in 0..<Self.connections {
                group.addTask {
                    var seen = Seen()
                    // A few requests more than those that see the end, so that every connection tries again.
                    for _ in 0..<5 {
                        repeat {
                            let beganAfter = progress.isEnded.load(ordering: .sequentiallyConsistent)
                            var request = HTTPClientRequest(url: server.url + "/v1/api-keys?limit=1")
                            request.headers.add(name: "Authorization", value: "Bearer \(key)")
                            let response = try await client.execute(request, timeout: .seconds(60))
                            _ = try await response.body.collect(upTo: 1 << 20)
                            let status = Int(response.status.code)
                            if beganAfter {
                                seen.after[status, default: 0] += 1
                            } else {
                                seen.before[status, default: 0] += 1
                            }
                            if status == 200 { progress.served.add(1, ordering: .relaxed) }
                        } while !progress.isEnded.load(ordering: .sequentiallyConsistent)
                    }
                    return seen
                }
            }
            group.addTask {
                // Every connection has been served some requests by then.
                while progress.served.load(ordering: .relaxed) < 4 * Self.connections {
                    try await Task.sleep(for: .milliseconds(1))
                }
                let path = method == "DELETE" ? "/v1/api-keys/\(id)" : "/v1/api-keys/\(id)/rotate"
                let answer = try await server.send(method, path, key: owner)
                progress.isEnded.store(true, ordering: .sequentiallyConsistent)
                #expect(answer.status == 200, "\(answer)")
                return Seen()
            }
            return try await group.reduce(into: Seen()) { sum, one in
                sum.before.merge(one.before, uniquingKeysWith: +)
                sum.after.merge(one.after, uniquingKeysWith: +)
            }
        }
        try await client.shutdown()
        #expect(seen.before[200].map { $0 >= 4 * Self.connections } == true, "\(seen)")
        #expect(seen.after.keys.sorted() == [401], "\(seen)")
        #expect(seen.after[401].map { $0 >= 4 * Self.connections } == true, "\(seen)")
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after the hammering")
    }
}
