import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// What an operator sees of a server: its log, its metrics, its settings.
@Suite("Operating a server", .serialized, .timeLimit(.minutes(10)))
struct OperationsTests {
    /// The lines of the process's log, each of which must be a JSON object.
    private func lines(of server: ServerProcess) throws -> [JSONValue] {
        try String(contentsOfFile: server.logFile, encoding: .utf8).split(separator: "\n").map { line in
            let value = try JSONReader.read(Array(line.utf8))
            #expect(value["at"]?.string != nil && value["level"]?.string != nil && value["message"]?.string != nil)
            return value
        }
    }

    @Test("away from a terminal every line of the log is a JSON object, and each request has exactly one")
    func oneLineARequest() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let key = try await server.signUp()
        _ = try await server.send("GET", "/v1/customers/me?token=hidden", key: key)
        _ = try await server.send("GET", "/v1/sessions/sess_hidden", key: key)
        _ = try await server.send("GET", "/hidden", headers: [("traceparent", "00-\(trace)-00f067aa0ba902b7-01")])
        let customer = try #require(
            try await server.send("GET", "/v1/customers/me", key: key)["customer_id"]?.string)
        let changed = try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-server"),
            ["admin", "set-plan", customer, "starter", "--data-dir", directory.path + "/data"])
        #expect(changed.status == 0, "\(changed.errors)")
        #expect(await server.stop() == 0)
        let operators = try lines(of: server).filter { $0["message"] == "operator's request" }
        #expect(operators.map { $0["route"]?.string } == ["/customers/:customer/plan"])
        let requests = try lines(of: server).filter { $0["message"] == "request" }
        #expect(
            requests.map { "\($0["method"]?.string ?? "") \($0["route"]?.string ?? "") \($0["status"]?.integer ?? 0)" }
                == [
                    "POST /v1/signup 201", "GET /v1/customers/me 200", "GET /v1/sessions/:id 404", "GET - 404",
                    "GET /v1/customers/me 200",
                ])
        #expect(requests.allSatisfy { $0["microseconds"]?.integer != nil && $0["trace"] != nil })
        #expect(requests.map { $0["trace_id"]?.string } == [nil, nil, nil, trace, nil])
        let text = try String(contentsOfFile: server.logFile, encoding: .utf8)
        for hidden in ["hidden", key, customer, "you@company.com"] { #expect(!text.contains(hidden), "\(hidden)") }
    }

    @Test("on a terminal the log is text, elsewhere JSON, and --log-format decides otherwise")
    func formats() throws {
        let program = try BuiltPrograms.path("nrx-server")
        // A server that cannot start has warned of the variable first.
        func warning(_ options: String, onTerminal: Bool) throws -> String {
            let command = "NRX_PROT=1 timeout 30 '\(program)' --port 0 --data-dir /proc/nrx \(options)"
            let result =
                onTerminal
                ? try BuiltPrograms.run("/usr/bin/script", ["-qec", command, "/dev/null"])
                : try BuiltPrograms.run("/bin/sh", ["-c", command])
            let all = result.text + result.errors
            return all.split(whereSeparator: \.isNewline).first { $0.contains("NRX_PROT") }.map(String.init) ?? all
        }
        let asJSON = try warning("", onTerminal: false)
        #expect(try JSONReader.read(Array(asJSON.utf8))["names"] == "NRX_PROT", "\(asJSON)")
        #expect(
            try JSONReader.read(Array(try warning("--log-format json", onTerminal: true).utf8))["level"] == "warning")
        for text in [try warning("", onTerminal: true), try warning("--log-format text", onTerminal: false)] {
            #expect(text.contains("NRX_PROT") && !text.hasPrefix("{"), "\(text)")
        }
    }

    private func promtool(_ text: String) throws -> ProgramResult {
        try BuiltPrograms.run("/usr/bin/promtool", ["check", "metrics"], input: Data(text.utf8))
    }

    @Test("metrics come from the administration socket and from an address of their own, never from the API's port")
    func metrics() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--metrics-address", "127.0.0.1:0"])
        let key = try await server.signUp()
        #expect(try await server.send("GET", "/metrics", key: key).status == 404)
        let socket = try BuiltPrograms.run(
            "/usr/bin/curl",
            ["-fsS", "--unix-socket", directory.path + "/data/admin/socket", "http://localhost/metrics"])
        #expect(socket.status == 0, "\(socket.errors)")
        let listening = try #require(try lines(of: server).first { $0["message"] == "metrics" })
        let port = try #require(listening["address"]?.string?.split(separator: ":").last)
        let own = try BuiltPrograms.run("/usr/bin/curl", ["-fsS", "http://127.0.0.1:\(port)/metrics"])
        #expect(own.status == 0, "\(own.errors)")
        for text in [socket.text, own.text] {
            let checked = try promtool(text)
            #expect(checked.status == 0 && checked.errors.isEmpty && checked.output.isEmpty, "\(checked)")
            #expect(text.contains(#"nrx_http_requests_total{method="POST",route="/v1/signup",status="201"} 1"#))
            #expect(!text.contains(key) && !text.contains("you@company.com"))
        }
        let elsewhere = try BuiltPrograms.run("/usr/bin/curl", ["-fsS", "http://127.0.0.1:\(port)/v1/health"])
        #expect(elsewhere.status == 22 && elsewhere.errors.contains("404"), "\(elsewhere.errors)")
        #expect(await server.stop() == 0)
    }

    @Test("flag, environment and file in that order; --print-config says which, without a secret, and makes nothing")
    func printConfig() throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/settings.json"
        let data = directory.path + "/data"
        try Data(#"{"data-dir":"\#(data)","region":"eu","port":1,"trusted-proxy":["10.0.0.0/8"]}"#.utf8)
            .write(to: URL(filePath: file))
        let result = try BuiltPrograms.run(
            "/usr/bin/env",
            [
                "-i", "NRX_CONFIG=\(file)", "NRX_PORT=2", "NRX_STRIPE_SECRET_KEY=sk_live_hidden",
                try BuiltPrograms.path("nrx-server"), "--port", "3", "--print-config",
            ])
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "port 3 (flag)", "region eu (file)", "data-dir \(data) (file)", "trusted-proxy 10.0.0.0/8 (file)",
            "stripe-secret-key (set) (environment)", "host 127.0.0.1 (default)",
        ] {
            #expect(lines.contains(line), "\(line): \(result.text)")
        }
        #expect(!result.text.contains("hidden") && !FileManager.default.fileExists(atPath: data))
    }

    @Test(
        "a file with what is no setting, a wrong value or a secret is refused by name, with exit 64 and nothing made",
        arguments: [
            (#"{"prot":80}"#, "`prot`"), (#"{"port":"eighty"}"#, "--port"), (#"{"metrics-address":"9464"}"#, "9464"),
            (#"{"stripe-secret-key":"x"}"#, "NRX_STRIPE_SECRET_KEY"), ("port=80", "JSON"), (nil, "cannot be read"),
        ])
    func refusedFiles(content: String?, said: String) throws {
        let directory = try TemporaryDirectory()
        let (file, data) = (directory.path + "/settings.json", directory.path + "/data")
        if let content { try Data(content.utf8).write(to: URL(filePath: file)) }
        let result = try BuiltPrograms.run(
            "/usr/bin/timeout",
            ["30", try BuiltPrograms.path("nrx-server"), "--config", file, "--data-dir", data])
        #expect(result.status == 64, "\(result.errors)")  // EX_USAGE
        #expect(result.errors.contains(said), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: data))
    }
}
