import CanonicalJSON
import Foundation

/// Our server with one customer on the enterprise plan, whose account and proof are asked for.
struct MeasuredServer: Sendable {
    /// What wrk asks again and again.
    struct Request: Sendable {
        let name: String
        let path: String
        let script: String
    }

    let directory: String
    let url: String
    let pid: Int32
    private let process: ChildProcess
    /// Of an account and, where sessions can run, of a proof.
    let reads: [Request]
    /// Nil where sessions cannot run.
    let verify: Request?

    /// Starts the program on `directory`/data, which may hold a log already.
    init(program: String, in directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        self.directory = directory
        let server = try RunningServer(program: program, in: directory)
        (process, url, pid) = (server.process, server.url, server.process.pid)
        let customer = try server.signUp(plan: "enterprise")
        let header = #"wrk.headers["Authorization"] = "Bearer \#(customer.key)""#
        var reads = [Request(name: "GET /v1/customers/me", path: "/v1/customers/me", script: header)]
        if let session = try server.post("/v1/sessions", "{}", key: customer.key)["session_id"]?.string {
            let ended = try server.request("DELETE", "/v1/sessions/\(session)", key: customer.key)
            guard let proof = ended["cdp"]?.canonicalText else {
                throw BenchmarkError("a session ended without a proof")
            }
            reads.append(Request(name: "GET /v1/proofs/:id", path: "/v1/proofs/\(session)", script: header))
            verify = Request(
                name: "POST /v1/verify", path: "/v1/verify",
                script: """
                    wrk.method = "POST"
                    wrk.headers["Content-Type"] = "application/json"
                    wrk.body = [==[\(proof)]==]
                    """)
        } else {
            verify = nil
        }
        self.reads = reads
    }

    func load(_ request: Request, clients: Int, seconds: Double) throws -> LoadGenerator.Load {
        try LoadGenerator.measure(
            url + request.path, clients: clients, seconds: seconds, script: request.script, in: directory)
    }

    func cpuSeconds() throws -> Double { try ProcessorTime.of(pid) }

    /// What of the server is in memory.
    func residentBytes() throws -> Int { try ProcessMemory.residentBytes(of: pid) }

    func stop() { process.stop() }
}

/// Memory of another process.
enum ProcessMemory {
    static func residentBytes(of pid: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard
            let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Int($0)
            })
        else { throw BenchmarkError("the kernel does not tell the memory of a process") }
        return kibibytes * 1_024
    }
}
