import CanonicalJSON
import Foundation

/// `nrx-server` as a child of this program, and the requests that prepare it.
struct RunningServer {
    let process: ChildProcess
    let url: String
    let dataDirectory: String
    private let program: String
    private let directory: String

    init(program: String, in directory: String, options: [String] = []) throws {
        (self.program, self.directory, dataDirectory) = (program, directory, directory + "/data")
        process = try ChildProcess(
            program,
            [
                "--port", "0", "--data-dir", dataDirectory, "--warm-pool", "0", "--log-level", "error",
                "--address-limits", "off",
            ] + options, in: directory)
        var address = ""
        // A large log is read, and its projections are made, before anything is served.
        try process.waitUntil(attempts: 12_000) { output in
            let line = output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
            address = line.map { String($0.dropFirst("listening on ".count)) } ?? ""
            return !address.isEmpty
        }
        url = address
    }

    /// A new customer on `plan`.
    func signUp(plan: String) throws -> (id: String, key: String) {
        let answer = try post("/v1/signup", #"{"email":"user\#(UInt64.random(in: 0...UInt64.max))@example.com"}"#)
        guard let id = answer["customer_id"]?.string, let key = answer["api_key"]?.string else {
            throw BenchmarkError("nobody could sign up: \(answer.canonicalText)")
        }
        if plan != "free" {
            try ChildProcess.run(program, ["admin", "set-plan", id, plan, "--data-dir", dataDirectory], in: directory)
        }
        return (id, key)
    }

    func post(_ path: String, _ body: String, key: String? = nil) throws -> JSONValue {
        try request("POST", path, key: key, ["-H", "Content-Type: application/json", "-d", body])
    }

    /// Asks with curl.
    func request(_ method: String, _ path: String, key: String? = nil, _ arguments: [String] = []) throws -> JSONValue {
        let header = key.map { ["-H", "Authorization: Bearer \($0)"] } ?? []
        let text = try ChildProcess.run(
            "curl", ["-s", "-m", "60", "-X", method] + header + arguments + [url + path], in: directory)
        return try JSONReader.read(Array(text.utf8), numbers: .ieee754)
    }
}
