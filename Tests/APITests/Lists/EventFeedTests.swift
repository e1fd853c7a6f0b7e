import Foundation
import HummingbirdTesting
import CanonicalJSON
import EventStore
import HTTPTypes
import HummingbirdCore
import Ledger
import NIOCore
import ServerFixtures
import Synchronization
import Testing

@testable import API

@Suite("Timelines and feeds of events", .timeLimit(.minutes(10)))
struct EventFeedTests {
    @Test("a session's timeline holds its events in order; somebody else's session is not there")
    func timeline() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let stranger = try await server.signUp("stranger@company.com")
            let session = try await server.recordEndedSession(of: key)
            let answer = try await server.send(.get, "/v1/sessions/\(session)/events", key: key)
            let types = (answer["data"]?.array ?? []).compactMap { $0["type"]?.string }
            #expect(types == ["session.created", "session.expired_unclean"])
            #expect(try await server.send(.get, "/v1/sessions/\(session)/events", key: stranger).status == 404)
        }
    }

    @Test("the feed resumes after a position, event by event, and never shows an id, a secret's hash or an address")
    func resumes() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.recordEndedSession(of: key)
            let whole = try await server.send(.get, "/v1/events", key: key)
            let events = whole["data"]?.array ?? []
            #expect(events.count >= 4)
            var after = ""
            var collected: [JSONValue] = []
            for _ in events {
                let page = try await server.send(.get, "/v1/events?limit=1\(after)", key: key)
                let event = try #require(page["data"]?.array?.first)
                collected.append(event)
                after = "&after=\(event["sequence"]?.integer ?? -1)"
            }
            #expect(collected == events)
            for word in ["evt_", "secret_sha256", "sealed_email"] { #expect(!whole.text.contains(word), "\(word)") }
            #expect(try await server.send(.get, "/v1/events?after=x", key: key).status == 400)
        }
    }

    @Test("CloudEvents on request: the required attributes of version 1.0, in a batch")
    func cloudEvents() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let answer = try await server.send(
                .get, "/v1/events", key: key, headers: [("Accept", "application/cloudevents-batch+json")])
            #expect(answer.headers["content-type"]?.hasPrefix("application/cloudevents-batch+json") == true)
            let first = try #require(answer.json.array?.first)
            #expect(first["specversion"] == "1.0")
            for name in ["id", "source", "type", "subject", "time"] {
                #expect(first[name]?.string?.isEmpty == false, "\(name)")
            }
        }
    }

    @Test("a live feed shows what has happened and what happens, and ends when its caller is no longer let in")
    func follows() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let isAllowed = Mutex(true)
            let feed = EventFeed(
                reads: ReadModel(store: server.server.store), ledger: server.server.ledger,
                caller: try await server.principal(key), isStillAllowed: { isAllowed.withLock { $0 } }, after: nil,
                format: .native)
            let (pieces, source) = AsyncStream<String>.makeStream()
            let writing = Task {
                var writer: any ResponseBodyWriter = PieceWriter(pieces: source)
                try await feed.write(to: &writer)
            }
            var reader = pieces.makeAsyncIterator()
            #expect(await reader.next() == ": keep-alive\n\n", "the answer has begun")
            #expect(await reader.next()?.contains("event: customer.created") == true)
            let session = try await server.recordEndedSession(of: key)
            var text = ""
            while !text.contains("session.expired_unclean"), let piece = await reader.next() { text += piece }
            #expect(text.contains(session))
            #expect(text.components(separatedBy: "event: session.created").count == 2, "each event once")
            isAllowed.withLock { $0 = false }
            _ = try await server.recordEndedSession(of: key)
            #expect(await reader.next() == nil, "nothing is shown once the key is revoked")
            try await writing.value
        }
    }

    @Test("over the network the feed is a text/event-stream, and a revoked key ends it")
    func overTheNetwork() async throws {
        try await TestServer.with(.ahc()) { server in
            let key = try await server.signUp()
            let reader = try await server.issueKey(key, ["name": "reader", "permissions": ["logs:read"]])
            async let answer = server.send(
                .get, "/v1/events", key: reader.text, headers: [("Accept", "text/event-stream")])
            // The request is counted before its answer begins, which shows in the usage.
            while try await server.send(.get, "/v1/api-keys/\(reader.id)", key: key)["last_used_at"] == .null {}
            _ = try await server.send(.delete, "/v1/api-keys/\(reader.id)", key: key)
            let feed = try await answer
            // Revoked between being counted and being let in, it never began.
            #expect([200, 401].contains(feed.status))
            if feed.status == 200 { #expect(feed.headers["content-type"] == "text/event-stream") }
        }
    }
}

/// Hands on each piece that an answer writes.
private struct PieceWriter: ResponseBodyWriter {
    let pieces: AsyncStream<String>.Continuation

    func write(_ buffer: ByteBuffer) async throws { pieces.yield(String(buffer: buffer)) }
    func finish(_ trailingHeaders: HTTPFields?) async throws { pieces.finish() }
}
