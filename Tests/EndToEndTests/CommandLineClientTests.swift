import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `nrx` as somebody types it, against the real server.
@Suite("The command-line client", .serialized, .timeLimit(.minutes(10)))
struct CommandLineClientTests {
    private static let password = "correct horse battery staple"

    @Test("signs up, keeps the key where only its owner can read it, and uses it; signed out, it is refused")
    func signUpAndOut() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        let made = try await client.run(
            ["signup", "you@company.com", "--password", "--json"], input: Self.password + "\n")
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.json["api_key"] == nil, "the key is kept, not shown")
        let kept = try JSONReader.read(Array(Data(contentsOf: URL(filePath: client.credentials))))
        let key = try #require(kept["api_key"]?.string)
        #expect(!made.text.contains(key) && !made.errors.contains(key))
        let mode = try FileManager.default.attributesOfItem(atPath: client.credentials)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let account = try await client.run(["account"])
        #expect(account.status == 0 && account.text.contains("you@company.com"), "\(account.errors)")
        #expect(try await client.run(["logout"]).status == 0)
        let refused = try await client.run(["account"])
        #expect(refused.status == 1 && refused.errors.contains("nrx login"), "\(refused.errors)")
    }

    @Test("login makes a key of this machine from a password; logout revokes it")
    func login() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        _ = try await client.run(["signup", "you@company.com", "--password"], input: Self.password + "\n")
        #expect(try await client.run(["logout"]).status == 0)
        let wrong = try await client.run(["login", "you@company.com"], input: "not the password at all\n")
        #expect(wrong.status == 1)
        let done = try await client.run(
            ["login", "you@company.com", "--key-name", "laptop", "--json"], input: Self.password + "\n")
        #expect(done.status == 0, "\(done.errors)")
        let keys = try await client.run(["keys", "--json"])
        let names = keys.json["data"]?.array?.compactMap { $0["name"]?.string }
        #expect(names?.contains("laptop") == true, "\(keys.text)\(keys.errors)")
        let kept = try JSONReader.read(Array(Data(contentsOf: URL(filePath: client.credentials))))
        let key = try #require(kept["api_key"]?.string)
        #expect(try await server.send("GET", "/v1/customers/me", key: key).status == 200)
        let out = try await client.run(["logout"])
        #expect(out.text.contains("revoked"), "\(out.errors)")
        #expect(try await server.send("GET", "/v1/customers/me", key: key).status == 401)
    }

    @Test("a key can be given by the environment or by standard input, and a wrong one is not kept")
    func keyFromElsewhere() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        let key = try await server.signUp()
        let account = try await client.run(["account"], environment: ["NRX_API_KEY": key])
        #expect(account.status == 0, "\(account.errors)")
        let wrong = try await client.run(["login"], input: "nrx_live_wrong\n")
        #expect(wrong.status == 1)
        #expect(!FileManager.default.fileExists(atPath: client.credentials))
        #expect(try await client.run(["login"], input: key + "\n").status == 0)
        #expect(try await client.run(["account"]).status == 0)
    }

    @Test("keys are made, shown once, rotated and revoked")
    func keys() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        try await client.signUp()
        let made = try await client.run(["keys", "create", "reader", "--permission", "read", "--json"])
        let (id, key) = (try #require(made.json["id"]?.string), try #require(made.json["api_key"]?.string))
        let refused = try await client.run(["sessions", "create"], environment: ["NRX_API_KEY": key])
        #expect(refused.status == 1 && refused.errors.contains("sessions:write"), "\(refused.errors)")
        let rotated = try await client.run(["keys", "rotate", id, "--json"])
        #expect(rotated.json["api_key"]?.string != key)
        #expect(try await client.run(["account"], environment: ["NRX_API_KEY": key]).status == 1)
        #expect(try await client.run(["keys", "revoke", id]).status == 0)
        #expect(try await client.run(["keys", "show", id, "--json"]).json["status"] == "revoked")
        let list = try await client.run(["keys", "list", "--limit", "1"])
        #expect(list.text.contains("There is more: --after key_"), "\(list.text)")
    }

    @Test("what cannot be asked is 2, also as --json; an address that nobody listens on is 1")
    func exitCodes() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        #expect(try await client.run(["nonsense"]).status == 2)
        #expect(try await client.run(["exec", "sess_1"]).status == 2)
        #expect(try await client.run(["account", "--server", "http://ledger.example.com"]).status == 2)
        #expect(try await client.run(["--help"]).status == 0)
        await server.stop()
        let gone = try await client.run(["account", "--json"], environment: ["NRX_API_KEY": "nrx_live_x"])
        #expect(gone.status == 1 && gone.json["error"] == "network", "\(gone.text)\(gone.errors)")
    }

    @Test(
        "a session from its creation to its proof: files, streams, exit codes, usage, verification",
        .enabled(if: Isolation.isAvailable))
    func session() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let client = CommandLineClient(server, directory)
        try await client.signUp()
        let session = try await client.run(["sessions", "create", "--classification", "PHI"]).line
        #expect(session.hasPrefix("sess_"))

        let echo = try await client.run(
            ["exec", session, "--shell", "echo out; echo err >&2; exit 7"])
        #expect(echo.status == 7 && echo.text == "out\n" && echo.errors == "err\n", "\(echo.text)\(echo.errors)")
        let killed = try await client.run(["exec", session, "--", "sh", "-c", "kill -9 $$"])
        #expect(killed.status == 137)
        let late = try await client.run(["exec", session, "--timeout", "1", "--", "sleep", "60"])
        #expect(late.status != 0 && late.errors.contains("the time was over"), "\(late.errors)")
        let counted = try await client.run(
            ["exec", session, "--input", "-", "--", "wc", "-l", "input/data"], input: "a\nb\n")
        #expect(counted.text.hasPrefix("2 "), "\(counted.text)\(counted.errors)")

        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let local = directory.path + "/rows.bin"
        try Data(content).write(to: URL(filePath: local))
        #expect(try await client.run(["files", "put", session, local, "deep/a name+%.bin"]).status == 0)
        let list = try await client.run(["files", "list", session, "deep"])
        #expect(list.text.contains("a name+%.bin") && list.text.contains("300000"), "\(list.text)")
        let back = directory.path + "/back.bin"
        #expect(try await client.run(["files", "get", session, "deep/a name+%.bin", back]).status == 0)
        #expect(try Data(contentsOf: URL(filePath: back)) == Data(content))
        let kept = try await client.run(["files", "get", session, "deep/a name+%.bin", back])
        #expect(kept.status == 1 && kept.errors.contains("--force"), "a file that is there is not replaced unasked")
        let piped = try await client.run(["files", "get", session, "deep/a name+%.bin"])
        #expect(piped.output == Data(content))
        #expect(try await client.run(["files", "delete", session, "deep/a name+%.bin"]).status == 0)
        #expect(try await client.run(["files", "get", session, "deep/a name+%.bin"]).status == 1)

        let destroyed = try await client.run(["sessions", "destroy", session])
        let proof = directory.path + "/proof.json"
        try destroyed.output.write(to: URL(filePath: proof))
        let verified = try await client.run(["verify", proof, "--json"])
        #expect(verified.status == 0 && verified.json["valid"] == true, "\(verified.text)\(verified.errors)")
        let forged = destroyed.text.replacing("\"mismatches\":0", with: "\"mismatches\":1")
        #expect(forged != destroyed.text)
        #expect(try await client.run(["verify", "-"], input: forged).status == 1)
        #expect(try await client.run(["proofs", "get", session]).text == destroyed.text)
        #expect(try await client.run(["proofs"]).text.contains(session))
        #expect(try await client.run(["sessions"]).text.contains("destroyed"))
        #expect(try await client.run(["usage", "--json"]).json["cycle"]?["execs"] == 4)
        let ended = try await client.run(["exec", session, "--", "true"])
        #expect(ended.status == 125, "what did not run is never a success")
    }
}

/// The built `nrx`, with a home of its own.
struct CommandLineClient: Sendable {
    let server: String
    let credentials: String

    init(_ server: ServerProcess, _ directory: TemporaryDirectory) {
        self.server = server.url
        credentials = directory.path + "/credentials.json"
    }

    func signUp() async throws {
        let made = try await run(["signup", "you@company.com"])
        try #require(made.status == 0, "\(made.errors)")
    }

    /// Runs it to its end, on a thread that may block.
    func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> ProgramResult {
        var variables = ["NRX_SERVER=\(server)", "NRX_CREDENTIALS=\(credentials)"]
        variables += environment.map { "\($0.key)=\($0.value)" }
        // From a file, so that a program may end before it has read everything.
        let source = credentials + ".\(UUID().uuidString).input"
        try Data(input.utf8).write(to: URL(filePath: source))
        // In an environment that holds nothing else.
        let command =
            ["-c", "exec /usr/bin/env -i \"$@\" < \"$0\"", source, "PATH=/usr/bin:/bin"] + variables
            + [try BuiltPrograms.path("nrx")] + arguments
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try BuiltPrograms.run("/bin/sh", command) })
            }
        }
    }
}

extension ProgramResult {
    /// Standard output as JSON; null when it is none.
    fileprivate var json: JSONValue {
        do { return try JSONReader.read(Array(output), numbers: .ieee754) } catch { return .null }
    }

    /// The first line of standard output.
    fileprivate var line: String { text.split(separator: "\n").first.map(String.init) ?? "" }
}
