import Foundation

/// A durable server of somebody else's on the loopback, with the load generator that suits it.
protocol NetworkPeer {
    /// As it stands in the table.
    var name: String { get }
    /// Durable writes of 300 bytes a second by so many clients, each of which waits for its answer.
    func rate(clients: Int, seconds: Double) throws -> Double
    func stop()
}

/// PostgreSQL, one row a transaction, as it is installed but for the number of connections; `pgbench` over TCP.
struct PostgreSQLPeer: NetworkPeer {
    let name = "PostgreSQL 15, one row a commit"
    /// Hundreds of connections take a while to be made; in a shorter run nothing would be counted.
    private static let secondsMin = 3
    private let directory: String
    private let port: Int
    private let server: ChildProcess

    init(in base: String) throws {
        directory = base + "/postgresql"
        port = try ChildProcess.freePort()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // It refuses to run as root.
        let asUser = getuid() == 0 ? ["-u", "postgres", "--"] : []
        if getuid() == 0 { try ChildProcess.run("chown", ["postgres", directory], in: base) }
        func command(_ program: String, _ arguments: [String]) throws -> (String, [String]) {
            guard let path = ChildProcess.find(program) else { throw BenchmarkError("\(program) is not installed") }
            return asUser.isEmpty ? (path, arguments) : ("runuser", asUser + [path] + arguments)
        }
        let data = directory + "/data"
        let make = try command("initdb", ["-D", data, "-A", "trust", "-U", "bench", "--no-sync"])
        try ChildProcess.run(make.0, make.1, in: directory)
        let serve = try command(
            "postgres", ["-D", data, "-p", "\(port)", "-k", directory, "-c", "max_connections=300"])
        server = try ChildProcess(serve.0, serve.1, in: directory)
        try server.waitUntil { $0.contains("database system is ready") }
        try psql("CREATE TABLE event (position bigserial PRIMARY KEY, line text)")
        let record = String(repeating: "n", count: EmbeddedPeers.recordBytes)
        try "INSERT INTO event (line) VALUES ('\(record)');\n".write(
            toFile: directory + "/insert.sql", atomically: true, encoding: .utf8)
    }

    func rate(clients: Int, seconds: Double) throws -> Double {
        let output = try ChildProcess.run(
            "pgbench",
            [
                "-h", "127.0.0.1", "-p", "\(port)", "-U", "bench", "-n", "-M", "prepared", "-f",
                directory + "/insert.sql", "-c", "\(clients)", "-T",
                "\(max(Self.secondsMin, Int(seconds.rounded(.up))))", "postgres",
            ], in: directory)
        guard let rate = output.number(after: "tps =") else { throw BenchmarkError("pgbench printed no rate") }
        return rate
    }

    func stop() { server.stop() }

    private func psql(_ statement: String) throws {
        try ChildProcess.run(
            "psql", ["-h", "127.0.0.1", "-p", "\(port)", "-U", "bench", "-c", statement, "postgres"], in: directory)
    }
}

/// Redis with a sync before every answer, entries added to a stream; `redis-benchmark`.
struct RedisPeer: NetworkPeer {
    let name = "Redis 7 XADD, appendfsync always"
    private let directory: String
    private let port: Int
    private let server: ChildProcess

    init(in base: String) throws {
        directory = base + "/redis"
        port = try ChildProcess.freePort()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        server = try ChildProcess(
            "redis-server",
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
            ], in: directory)
        try server.waitUntil { $0.contains("Ready to accept connections") }
    }

    func rate(clients: Int, seconds: Double) throws -> Double {
        let perSecond = clients == 1 ? 4_000 : clients == 16 ? 20_000 : 40_000
        let output = try ChildProcess.run(
            "redis-benchmark",
            [
                "-p", "\(port)", "-c", "\(clients)", "-n", "\(Int(Double(perSecond) * seconds))", "--csv", "XADD",
                "events", "*", "line", String(repeating: "n", count: EmbeddedPeers.recordBytes),
            ], in: directory)
        // "test","rps",… and below it the command and its numbers, all in quotes.
        let cells = output.split(separator: "\n").last?.components(separatedBy: "\",\"") ?? []
        guard cells.count > 1, let rate = Double(cells[1]) else { throw BenchmarkError("redis-benchmark: \(output)") }
        return rate
    }

    func stop() { server.stop() }
}

/// etcd, one key a put, through its JSON gateway (Debian has no gRPC load generator); `wrk`.
struct EtcdPeer: NetworkPeer {
    let name = "etcd put (JSON over HTTP)"
    private let directory: String
    private let port: Int
    private let server: ChildProcess

    init(in base: String) throws {
        directory = base + "/etcd"
        port = try ChildProcess.freePort()
        let peers = "http://127.0.0.1:\(try ChildProcess.freePort())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let clients = "http://127.0.0.1:\(port)"
        server = try ChildProcess(
            "etcd",
            [
                "--data-dir", directory + "/data", "--listen-client-urls", clients, "--advertise-client-urls", clients,
                "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster",
                "default=\(peers)",
            ], in: directory)
        try server.waitUntil { $0.contains("ready to serve client requests") }
    }

    func rate(clients: Int, seconds: Double) throws -> Double {
        let value = Data(repeating: 0x6E, count: EmbeddedPeers.recordBytes).base64EncodedString()
        let script = """
            local number, thread = 0, 0
            function setup(t) t:set("thread", thread); thread = thread + 1 end
            function request()
              number = number + 1
              local key = string.format("%02d%010d", thread, number):gsub(".", {["="]=""})
              return wrk.format("POST", "/v3/kv/put", nil, '{"key":"' .. key .. '","value":"\(value)"}')
            end
            """
        return try LoadGenerator.rate(
            "http://127.0.0.1:\(port)", clients: clients, seconds: seconds, script: script, in: directory)
    }

    func stop() { server.stop() }
}
