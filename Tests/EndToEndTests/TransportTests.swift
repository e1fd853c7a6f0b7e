import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// What happens on the wire before any route: TLS, HTTP/2, and requests that are none.
@Suite("Transport", .serialized, .timeLimit(.minutes(10)))
struct TransportTests {
    private static func fixture(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "fixtures/tls/\(name)").path(percentEncoded: false)
    }

    private static let tls = ["--tls-cert", fixture("localhost.crt"), "--tls-key", fixture("localhost.key")]

    /// What curl says: the version of HTTP, the status, and the body.
    private func curl(_ arguments: [String]) throws -> ProgramResult {
        try BuiltPrograms.run(
            "/usr/bin/curl", ["-s", "-m", "30", "-w", "\n%{http_version} %{http_code}"] + arguments)
    }

    @Test("TLS: HTTP/1.1 and HTTP/2 with the same answers; plain HTTP and TLS 1.1 get nowhere")
    func overTLS() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, Self.tls)
        #expect(server.url.hasPrefix("https://127.0.0.1:"))
        let trusted = ["--cacert", Self.fixture("localhost.crt")]
        for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let signedUp = try curl(
                trusted + [option, server.url + "/v1/signup", "-d", #"{"email":"v\#(version)@company.com"}"#])
            #expect(signedUp.text.hasSuffix("\n\(version) 201"), "\(signedUp.text)\(signedUp.errors)")
            let missing = try curl(trusted + [option, server.url + "/v1/nothing"])
            #expect(missing.text.hasSuffix("\n\(version) 404"), "\(missing.text)")
            #expect(missing.text.contains(#""error":"NotFound""#))
            let large = try curl(
                trusted + [
                    option, server.url + "/v1/signup", "-H", "Expect:", "-d", String(repeating: "a", count: 20_000),
                ])
            #expect(large.text.hasSuffix("\n\(version) 413"), "\(large.text)")
        }
        #expect(try curl([server.url + "/v1/health"]).status == 60, "the certificate is nobody's that curl knows")
        #expect(try curl(trusted + ["--tls-max", "1.1", server.url + "/v1/health"]).status == 35)
        let plain = try curl([server.url.replacing("https:", with: "http:") + "/v1/health"])
        #expect(plain.status != 0, "\(plain.text)")
        #expect(await server.stop() == 0)
    }

    @Test(
        "one address has so many connections and no more; when one ends there is room again",
        arguments: [[], tls])
    func connectionsPerAddress(options: [String]) async throws {
        let directory = try TemporaryDirectory()
        // The last --address-limits counts.
        let server = try await ServerProcess.start(
            in: directory, options + ["--address-limits", "on", "--max-connections-per-address", "2"])
        let port = try #require(server.url.split(separator: ":").last)
        let script = """
            exec 3<>/dev/tcp/127.0.0.1/\(port) 4<>/dev/tcp/127.0.0.1/\(port)
            ask() {
              for i in $(seq 100); do
                code=$(curl -sk -m 10 -o /dev/null -w '%{http_code}' "$0/v1/nothing"); [ "$code" = "$1" ] && return; sleep 0.1
              done
            }
            ask 000; echo "$code"
            exec 3>&-
            ask 404; echo "$code"
            """
        let result = try BuiltPrograms.run("/bin/bash", ["-c", script, server.url])
        #expect(result.text == "000\n404\n", "\(result.text)\(result.errors)")
        #expect(await server.stop() == 0)
    }

    @Test("what is no HTTP at all is a 400 in the error format, and the connection ends")
    func notHTTP() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        for nonsense in [
            #"nonsense\r\n\r\n"#, #"GET / HTTP/9.9\r\n\r\n"#, #"GET /v1/health HTTP/1.1\r\nA\x01: b\r\n\r\n"#,
        ] {
            let answer = try raw(nonsense, to: server)
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(nonsense): \(answer)")
            #expect(answer.contains(#"{"error":"BadRequest""#), "\(nonsense): \(answer)")
            #expect(answer.lowercased().contains("connection: close"))
        }
        #expect(try await server.send("GET", "/v1/nothing").status == 404)
        #expect(await server.stop() == 0)
    }

    @Test("a header that is too large is a 431 in the error format", arguments: ["field", "fields", "many"])
    func largeHeader(kind: String) async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let fields: [String] =
            switch kind {
            case "field": ["X-Large: " + String(repeating: "a", count: 20_000)]
            case "fields": (0..<5).map { "X-Large-\($0): " + String(repeating: "a", count: 8_000) }
            default: (0..<200).map { "X-Many-\($0): a" }
            }
        let result = try curl(fields.flatMap { ["-H", $0] } + [server.url + "/v1/health"])
        #expect(result.text.hasSuffix("\n1.1 431"), "\(result.text)")
        #expect(result.text.contains("RequestHeaderFieldsTooLarge"))
        #expect(await server.stop() == 0)
    }

    /// Sends bytes as `printf` writes them and reads until the server closes.
    private func raw(_ text: String, to server: ServerProcess) throws -> String {
        let port = server.url.split(separator: ":").last.map(String.init) ?? ""
        return try BuiltPrograms.run(
            "/usr/bin/timeout",
            ["30", "/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(text)' >&3; cat <&3"]
        ).text
    }
}
