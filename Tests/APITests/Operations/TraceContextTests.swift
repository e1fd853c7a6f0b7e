import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("W3C trace context")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let header = "00-\(trace)-00f067aa0ba902b7-01"

    @Test("a valid header is read, also one of a later version with more behind it")
    func valid() throws {
        let context = try #require(TraceContext(Self.header))
        #expect(context.traceID == Self.trace && context.parentID == "00f067aa0ba902b7" && context.flags == "01")
        #expect(TraceContext("cc-\(Self.trace)-00f067aa0ba902b7-01-what-comes") != nil)
    }

    @Test("what is not valid begins no trace")
    func invalid() {
        let zeros = String(repeating: "0", count: 32)
        for header in [
            nil, "", "00", "ff-\(Self.trace)-00f067aa0ba902b7-01", "00-\(zeros)-00f067aa0ba902b7-01",
            "00-\(Self.trace)-0000000000000000-01", "00-\(Self.trace.uppercased())-00f067aa0ba902b7-01",
            "\(Self.header)-x", "00-\(Self.trace)-00f067aa0ba902b7-1", "00-\(Self.trace)x-00f067aa0ba902b-01",
        ] {
            #expect(TraceContext(header) == nil, "\(header ?? "nothing")")
        }
    }

    @Test(
        "the trace goes into the line of the request and back, named by the server's own id; without one there is none")
    func passedThrough() async throws {
        let log = CollectedLog()
        try await TestServer.with(logger: log.logger) { server in
            let answer = try await server.send(.get, "/v1/keys/none", headers: [("traceparent", Self.header)])
            let line = try #require(log.lines.last { $0.message == "request" })
            #expect(line.metadata["trace_id"] == Self.trace)
            let own = try #require(line.metadata["trace"]?.dropFirst("req_".count))
            #expect(answer.headers["traceparent"] == "00-\(Self.trace)-\(own)-01")
            let without = try await server.send(.get, "/v1/keys/none", headers: [("traceparent", "nonsense")])
            #expect(without.headers["traceparent"] == nil)
            #expect(log.lines.last { $0.message == "request" }?.metadata["trace_id"] == nil)
        }
    }
}
