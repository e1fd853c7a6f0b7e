import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("What the server counts", .serialized, .timeLimit(.minutes(10)))
struct MetricsRouteTests {
    /// The value of one line of the text; nil when there is no such line.
    private func value(_ line: String, in server: TestServer) -> Double? {
        server.server.metricsRoute.text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
            .flatMap { Double($0.dropFirst(line.count + 1)) }
    }

    @Test("requests by method, route and status, without an id, an address, a query or a key in it")
    func requests() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await server.send(.get, "/v1/sessions/sess_secret?token=hidden", key: key)
            _ = try await server.send(.get, "/nowhere/secret")
            _ = try await server.send(try #require(.init(rawValue: "SECRET")), "/v1/health")
            _ = try await server.send(.put, "/v1/health")
            let signup = #"nrx_http_requests_total{method="POST",route="/v1/signup",status="201"}"#
            #expect(value(signup, in: server) == 1)
            #expect(
                value(#"nrx_http_request_duration_seconds_count{method="POST",route="/v1/signup"}"#, in: server) == 1)
            #expect(value(#"nrx_http_requests_total{method="GET",route="none",status="404"}"#, in: server) == 1)
            #expect(
                value(#"nrx_http_requests_total{method="other",route="/v1/health",status="405"}"#, in: server) == 1)
            let text = server.server.metricsRoute.text
            for hidden in ["sess_", "secret", "hidden", "SECRET", key, "you@", "127.0.0.1"] {
                #expect(!text.contains(hidden), "\(hidden)")
            }
        }
    }

    @Test("every route of every dialect is counted under its own pattern")
    func everyRoute() async throws {
        try await TestServer.with { server in
            let (key, things) = try await RouteTableTests.populate(server)
            for (name, row) in RouteTableTests.rows(things) {
                _ = try await server.ask(name, row, header: "Bearer \(key)")
            }
            let text = server.server.metricsRoute.text
            for route in server.server.routes {
                let labels = #"{method="\#(route.method.rawValue)",route="\#(route.path)"}"#
                #expect(
                    try #require(value("nrx_http_request_duration_seconds_count\(labels)", in: server)) > 0,
                    "\(route.tableName)")
            }
            #expect(!text.contains(#"route="none""#), "a route of the table is none to the metrics")
            #expect(!text.contains(things.session.dropFirst("sess_".count)), "an id stands in a label")
        }
    }

    @Test("every commit of the log, its events and its bytes; nothing lags once an answer came")
    func commits() async throws {
        try await TestServer.with { server in
            let before = try #require(value("nrx_log_events", in: server))
            _ = try await server.signUp()
            let events = try #require(value("nrx_log_events", in: server))
            #expect(events > before)
            #expect(
                value("nrx_log_batch_events_count", in: server)
                    == value("nrx_log_sync_duration_seconds_count", in: server))
            #expect(try #require(value("nrx_log_batch_events_sum", in: server)) >= events - before)
            #expect(try #require(value("nrx_log_bytes_total", in: server)) > 0)
            #expect(value("nrx_projection_lag_events", in: server) == 0)
            #expect(value("nrx_log_failed", in: server) == 0)
            #expect(try #require(value("process_resident_memory_bytes", in: server)) > 0)
        }
    }

    @Test("a broken disk shows")
    func failed() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            server.disk.breakNow()
            _ = try await server.send(.post, "/v1/api-keys", key: key, ["name": "x"])
            #expect(value("nrx_log_failed", in: server) == 1)
        }
    }

    @Test("limits that are reached, by limit")
    func limits() async throws {
        try await TestServer.with(limited: true) { server in
            let key = try await server.signUp()
            var statuses: [Int] = []
            repeat {
                statuses.append(try await server.send(.get, "/v1/customers/me", key: key).status)
            } while statuses.last == 200 && statuses.count < 1_000
            #expect(statuses.last == 429)
            #expect(value(#"nrx_limits_reached_total{limit="key"}"#, in: server) == 1)
        }
    }

    @Test("sessions that live and that end, with how long it took", .enabled(if: Isolation.isAvailable))
    func sessions() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            #expect(value(#"nrx_sessions{state="idle"}"#, in: server) == 1)
            #expect(try await server.send(.delete, "/v1/sessions/\(session)", key: key).status == 200)
            #expect(value(#"nrx_sessions{state="idle"}"#, in: server) == 0)
            #expect(value(#"nrx_sessions_ended_total{result="proven"}"#, in: server) == 1)
            #expect(value("nrx_session_destruction_duration_seconds_count", in: server) == 1)
        }
    }

    @Test("the port of the API has no metrics")
    func notPublic() async throws {
        try await TestServer.with { server in
            let status = try await server.send(.get, "/metrics").status
            #expect(status == 404)
            #expect(!server.server.routes.map(\.path).contains("/metrics"))
        }
    }

    @Test("an address of its own is read, or refused with how it is written")
    func addresses() throws {
        #expect(try MetricsAddress("127.0.0.1:9464") == MetricsAddress("127.0.0.1:9464"))
        #expect(try MetricsAddress("[::1]:0").host == "::1")
        for text in ["", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "[::1]", "[::1"]
        {
            #expect(throws: ServerError.self, "\(text)") { try MetricsAddress(text) }
        }
    }
}
