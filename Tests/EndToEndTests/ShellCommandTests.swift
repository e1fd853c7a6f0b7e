import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `nrx shell`, at a terminal and in a pipe.
@Suite("nrx shell", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct ShellCommandTests {
    private struct World {
        let directory: TemporaryDirectory
        let server: ServerProcess
        let key: String
        let session: String

        func seat(_ name: String) async throws -> JSONValue {
            let result = try await ForeignClient.run(try arguments(name), script: "shell_client.py")
            let line = try #require(result.text.split(separator: "\n").last, "\(result.errors)")
            return try JSONReader.read(Array(line.utf8), numbers: .ieee754)
        }

        func arguments(_ name: String) throws -> [String] {
            [name, try BuiltPrograms.path("nrx"), server.url, key, session]
        }

        func piped(_ input: String, key: String? = nil, session: String? = nil) async throws -> ProgramResult {
            let client = CommandLineClient(server, directory)
            return try await client.run(
                ["shell", session ?? self.session], input: input, environment: ["NRX_API_KEY": key ?? self.key])
        }
    }

    private func world() async throws -> World {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        return World(directory: directory, server: server, key: key, session: try await server.createSession(key))
    }

    @Test("at a terminal: every key goes in, sizes follow, Ctrl-C interrupts there, and the exit code is the shell's")
    func atTerminal() async throws {
        let world = try await world()
        let seen = try await world.seat("session")
        #expect(seen["code"] == 7 && seen["raw"] == true && seen["restored"] == true, "\(seen)")
        #expect(seen["screen"]?.string?.contains("hello from vié世") == true, "\(seen)")
        let file = try await world.server.send("GET", "/v1/sessions/\(world.session)/files/note.txt", key: world.key)
        #expect(file.text == "hello from vié世\n", "\(file)")
    }

    @Test(
        "Enter ~ . leaves what does not answer, a signal ends the program: the terminal is what it was, and nothing runs on"
    )
    func leaving() async throws {
        let world = try await world()
        #expect(try await world.seat("leave") == ["code": 125, "restored": true])
        #expect(try await world.seat("terminated") == ["code": 143, "restored": true])
        var left: JSONValue?
        for _ in 0..<50 {
            let look = try await world.server.execute(
                "ps -eo args | grep -c '[s]leep 1000'", in: world.session, key: world.key)
            left = look["stdout"]
            if left == "0\n" { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(left == "0\n", "what ran in the terminal is ended")
    }

    @Test("a session that is destroyed meanwhile ends the shell: 125, never 0")
    func destroyed() async throws {
        let world = try await world()
        let client = try RunningClient(script: "shell_client.py", try world.arguments("destroyed"))
        #expect(try await client.line() == ["waiting": true])
        #expect(try await world.server.send("DELETE", "/v1/sessions/\(world.session)", key: world.key).status == 200)
        #expect(try await client.line() == ["code": 125, "restored": true])
        let path = "/v1/sessions/\(world.session)/events"
        let events = try await world.server.send("GET", path, key: world.key)["data"]?.array ?? []
        let types = events.compactMap { $0["type"]?.string }
        let closed = try #require(types.firstIndex(of: "session.terminal_closed"), "\(types)")
        #expect(try closed < #require(types.firstIndex(of: "session.destroyed")), "\(types)")
    }

    @Test("what is piped in is typed, then Ctrl-D; the exit code passes through")
    func piped() async throws {
        let world = try await world()
        let done = try await world.piped("echo $((40 + 2)); exit 3\n")
        #expect(done.status == 3 && done.text.contains("42"), "\(done.text)\(done.errors)")
        let ended = try await world.piped("echo $((40 + 3))\n")
        #expect(ended.status == 0 && ended.text.contains("43"), "Ctrl-D ends it: \(ended.text)\(ended.errors)")
    }

    @Test("a refused shell says why, with 125: a read key, somebody else's session, nobody's")
    func refused() async throws {
        let world = try await world()
        let made = try await world.server.send(
            "POST", "/api/keys", key: world.key, ["name": "r", "permission": "read"])
        let reader = try #require(made["key"]?.string, "\(made)")
        let read = try await world.piped("", key: reader)
        #expect(read.status == 125 && read.errors.contains("sessions:exec"), "\(read.errors)")
        let stranger = try await world.piped("", key: try await world.server.signUp("other@company.com"))
        #expect(stranger.status == 125 && stranger.errors.contains("not found"), "\(stranger.errors)")
        #expect(try await world.piped("", session: "../../v1/health").status == 125)
        #expect(try await world.piped("", key: "nrx_live_wrong").status == 125)
    }
}
