import Foundation

/// Our own server on a temporary data directory, under the load of clients who sign up: the lightest durable write over
/// HTTP. Each is a customer, a key, a data key in the vault, and two events in the log.
struct OwnServer {
    private let directory: String
    private let url: String
    private let server: ChildProcess

    init(program: String, in base: String) throws {
        directory = base + "/nrx-server"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        server = try ChildProcess(
            program,
            [
                "--port", "0", "--data-dir", directory + "/data", "--warm-pool", "0", "--log-level", "error",
                "--address-limits", "off",
            ], in: directory)
        var address = ""
        try server.waitUntil { output in
            let line = output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
            address = line.map { String($0.dropFirst("listening on ".count)) } ?? ""
            return !address.isEmpty
        }
        url = address
    }

    /// Sign-ups a second by so many clients.
    func signUps(clients: Int, seconds: Double) throws -> Double {
        // All requests but the number are put together once: what the client takes, the server does not get.
        let script = """
            local number, before, after = 0
            function request()
              if not before then
                local whole = wrk.format("POST", "/v1/signup", {["Content-Type"] = "application/json"},
                  '{"email":"user0000000000@\(UInt32.random(in: 0...UInt32.max)).example"}')
                local first, last = whole:find("0000000000", 1, true)
                before, after = whole:sub(1, first - 1), whole:sub(last + 1)
              end
              number = number + 1
              return before .. string.format("%010d", number) .. after
            end
            """
        return try LoadGenerator.rate(url, clients: clients, seconds: seconds, script: script, in: directory)
    }

    func stop() { server.stop() }
}
