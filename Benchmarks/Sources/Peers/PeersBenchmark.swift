import Foundation

/// Durable writes beside those of other engines and servers, like with like: the log inside the program beside engines
/// that run inside one, a sign-up over HTTP beside servers.
struct PeersBenchmark {
    private let directory: String
    private let rounds: Rounds
    private var rows: [Table.Row] = []
    private var notes: [String] = []

    private static let writerCounts = [1, 16, 64, 256]

    /// - Parameter server: the nrx-server program.
    static func measure(in directory: String, server: String, rounds: Rounds) async throws -> (
        rows: [Table.Row], notes: [String]
    ) {
        // Others' servers drop to users of their own and must reach their directories.
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        var benchmark = PeersBenchmark(directory: directory, rounds: rounds)
        try await benchmark.embedded()
        do { try await benchmark.network(server: server) } catch {
            benchmark.notes.append("over HTTP: not measured: \(error)")
        }
        return (benchmark.rows, benchmark.notes)
    }

    private init(directory: String, rounds: Rounds) {
        self.directory = directory
        // Peers' load generators start anew each time and count whole seconds: fewer and longer rounds.
        self.rounds = Rounds(count: min(3, rounds.count), seconds: 1)
    }

    private mutating func embedded() async throws {
        let directory = directory
        let ours = try AppendBenchmark(directory: directory + "/log")
        let hasRocksDB = ChildProcess.find("db_bench") != nil
        if !hasRocksDB { notes.append("RocksDB: not measured: apt-get install rocksdb-tools") }
        for writers in Self.writerCounts {
            let peers: [(name: String, measure: (Double) throws -> Double)] =
                (hasRocksDB
                    ? [
                        (
                            "RocksDB fillseq --sync=1",
                            { _ in try EmbeddedPeers.rocksDB(writers: writers, in: directory) }
                        )
                    ]
                    : []) + [
                    (
                        "SQLite WAL, synchronous=FULL",
                        { try EmbeddedPeers.sqlite(writers: writers, seconds: $0, in: directory) }
                    )
                ]
            let medians = try await rounds.medians(
                [{ try await ours.measure(writers: writers, seconds: $0) }]
                    + peers.map { peer in { try peer.measure($0) } })
            let best = medians.dropFirst().max() ?? 0
            for (peer, rate) in zip(peers, medians.dropFirst()) {
                let target: Table.Target? = writers == 64 ? .atLeast(2.5) : writers == 16 ? .atLeast(1.5) : nil
                add("append in process", writers, medians[0], peer.name, rate, rate == best ? target : nil)
            }
        }
        try await ours.close()
    }

    private mutating func network(server program: String) async throws {
        let directory = directory
        let ours = try OwnServer(program: program, in: directory)
        defer { ours.stop() }
        var peers: [any NetworkPeer] = []
        defer { peers.forEach { $0.stop() } }
        let makers: [(String, () throws -> any NetworkPeer)] = [
            ("postgresql", { try PostgreSQLPeer(in: directory) }),
            ("redis-server redis-tools", { try RedisPeer(in: directory) }),
            ("etcd-server wrk", { try EtcdPeer(in: directory) }),
        ]
        for (packages, make) in makers {
            do { peers.append(try make()) } catch {
                notes.append("a peer was not measured (apt-get install \(packages)): \(error)")
            }
        }
        for clients in Self.writerCounts {
            let medians = try await rounds.medians(
                [{ try ours.signUps(clients: clients, seconds: $0) }]
                    + peers.map { peer in { try peer.rate(clients: clients, seconds: $0) } })
            for (peer, rate) in zip(peers, medians.dropFirst()) {
                add("sign-up over HTTP", clients, medians[0], peer.name, rate, nil)
            }
        }
        try await emptyRoute(beside: ours)
    }

    private mutating func emptyRoute(beside ours: OwnServer) async throws {
        let port = try ChildProcess.freePort()
        let directory = directory
        let empty = try ChildProcess(
            "/proc/self/exe", ["empty-route", "--port", "\(port)"], in: directory)
        defer { empty.stop() }
        try empty.waitUntil { _ in
            (try? LoadGenerator.rate("http://127.0.0.1:\(port)/", clients: 1, seconds: 1, in: directory)) != nil
        }
        let medians = try await rounds.medians([
            { try ours.signUps(clients: 64, seconds: $0) },
            { try LoadGenerator.rate("http://127.0.0.1:\(port)/", clients: 64, seconds: $0, in: directory) },
        ])
        add("sign-up over HTTP", 64, medians[0], "an empty Hummingbird route", medians[1], .atLeast(0.4))
    }

    private mutating func add(
        _ what: String, _ writers: Int, _ ours: Double, _ peer: String, _ theirs: Double, _ target: Table.Target?
    ) {
        rows.append(
            Table.Row(
                name: "durable \(what), \(writers) at once", ours: rateText(ours), peer: peer,
                theirs: rateText(theirs), ratio: theirs > 0 ? ours / theirs : 0, target: target))
    }
}
