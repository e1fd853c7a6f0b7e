import CanonicalJSON
import Foundation

/// What answering costs: reads beside an empty route of the same framework, verification beside the bare signatures in
/// it, both again with a million customers.
struct HTTPBenchmark {
    /// Connections that each wait for their answer.
    private static let clients = 64

    private let directory: String
    private let program: String
    private let customers: Int
    private let rounds: Rounds
    private var rows: [Table.Row] = []
    private var notes: [String] = []

    /// - Parameters:
    ///   - server: the nrx-server program.
    ///   - customers: how many the large log has.
    static func measure(in directory: String, server: String, customers: Int, rounds: Rounds) async throws -> (
        rows: [Table.Row], notes: [String]
    ) {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var benchmark = HTTPBenchmark(
            directory: directory, program: server, customers: customers,
            // wrk counts whole seconds.
            rounds: Rounds(count: min(5, rounds.count), seconds: 1))
        try await benchmark.measure()
        return (benchmark.rows, benchmark.notes)
    }

    private init(directory: String, program: String, customers: Int, rounds: Rounds) {
        (self.directory, self.program, self.customers, self.rounds) = (directory, program, customers, rounds)
    }

    private mutating func measure() async throws {
        let port = try ChildProcess.freePort()
        let empty = try ChildProcess("/proc/self/exe", ["empty-route", "--port", "\(port)"], in: directory)
        defer { empty.stop() }
        let emptyURL = "http://127.0.0.1:\(port)/"
        let place = directory
        try empty.waitUntil { _ in
            (try? LoadGenerator.rate(emptyURL, clients: 1, seconds: 1, in: place)) != nil
        }
        let small = try MeasuredServer(program: program, in: directory + "/small")
        defer { small.stop() }
        try await reads(of: small, beside: emptyURL)
        try await verification(by: small)
        let generated = ContinuousClock.now
        try await LargeLog.generate(customers: customers, in: directory + "/large/data", program: program)
        let seconds = generated.duration(to: .now).inSeconds
        let large = try MeasuredServer(program: program, in: directory + "/large")
        defer { large.stop() }
        try await compare(large, with: small)
        notes.append(
            "\(customers) customers: resident memory of the server "
                + "\(decimal(Double(try large.residentBytes()) / 1_048_576)) MiB "
                + "(with one customer \(decimal(Double(try small.residentBytes()) / 1_048_576)) MiB); "
                + "their log was written in \(decimal(seconds)) s")
    }

    private mutating func reads(of server: MeasuredServer, beside emptyURL: String) async throws {
        let place = directory
        for request in server.reads {
            var latencies: [[Double]] = [[], []]
            let medians = try await rounds.medians([
                { seconds in
                    let load = try server.load(request, clients: Self.clients, seconds: seconds)
                    latencies[0].append(load.p99Milliseconds)
                    return load.rate
                },
                { seconds in
                    let load = try LoadGenerator.measure(emptyURL, clients: Self.clients, seconds: seconds, in: place)
                    latencies[1].append(load.p99Milliseconds)
                    return load.rate
                },
            ])
            let p99 = latencies.map { median($0) }
            rows.append(
                Table.Row(
                    name: "\(request.name), \(Self.clients) connections", ours: rateText(medians[0]),
                    peer: "an empty Hummingbird route", theirs: rateText(medians[1]), ratio: medians[0] / medians[1],
                    target: .atLeast(0.6)))
            rows.append(
                Table.Row(
                    name: "\(request.name), p99 (time)", ours: decimal(p99[0]) + " ms",
                    peer: "an empty Hummingbird route", theirs: decimal(p99[1]) + " ms", ratio: p99[0] / p99[1],
                    target: .atMost(3)))
        }
    }

    private mutating func verification(by server: MeasuredServer) async throws {
        guard let request = server.verify else {
            notes.append("POST /v1/verify and proofs: not measured: this machine cannot isolate sessions")
            return
        }
        let bare = BareSignature()
        let medians = try await rounds.medians([
            { seconds in
                let before = try server.cpuSeconds()
                let load = try server.load(request, clients: Self.clients, seconds: seconds)
                return Double(load.requests) / (try server.cpuSeconds() - before)
            },
            { seconds in
                // On all cores at once, as the server: what cores take from each other falls on both alike.
                let rates = try await withThrowingTaskGroup(of: Double.self) { group in
                    for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                        group.addTask { try Self.bareRate(bare, for: seconds) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                return rates.reduce(0, +) / Double(rates.count)
            },
        ])
        rows.append(
            Table.Row(
                name: "\(request.name), a second of the server's CPU", ours: rateText(medians[0]),
                peer: "libsodium Ed25519 verify", theirs: rateText(medians[1]), ratio: medians[0] / medians[1],
                target: .atLeast(0.3)))
    }

    /// Verifications in a second of this thread's processor time.
    private static func bareRate(_ bare: BareSignature, for seconds: Double) throws -> Double {
        let before = ProcessorTime.ofThisThread()
        var count = 0.0
        _ = try rate(for: seconds) {
            try bare.verify()
            count += 1
        }
        return count / (ProcessorTime.ofThisThread() - before)
    }

    private mutating func compare(_ large: MeasuredServer, with small: MeasuredServer) async throws {
        for (ours, theirs) in zip(
            large.reads + [large.verify].compactMap(\.self), small.reads + [small.verify].compactMap(\.self))
        {
            let medians = try await rounds.medians([
                { try large.load(ours, clients: Self.clients, seconds: $0).rate },
                { try small.load(theirs, clients: Self.clients, seconds: $0).rate },
            ])
            rows.append(
                Table.Row(
                    name: "\(ours.name), \(customers) customers", ours: rateText(medians[0]), peer: "with one customer",
                    theirs: rateText(medians[1]), ratio: medians[0] / medians[1], target: .atLeast(0.9)))
        }
    }
}

/// Processor time that was used.
enum ProcessorTime {
    static func ofThisThread() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// User and system time of a process, in seconds (proc(5), fields 14 and 15).
    static func of(_ pid: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw BenchmarkError("the kernel does not tell the time that a process used")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
