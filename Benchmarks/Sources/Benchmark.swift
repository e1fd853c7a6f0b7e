import ArgumentParser
import Foundation

@main
struct Benchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nrx-bench",
        abstract: "Measure what this product does beside what the machine allows, and print one table of ratios.",
        discussion: """
            Ours and each peer take turns in short rounds; medians are shown. Nothing passes or fails here: "met" says \
            whether the target held in this run, on this machine, beside whatever else it was doing. docs/benchmarks.md \
            explains every row.
            """, subcommands: [EmptyRoute.self, GenerateCustomers.self, SampleLog.self, Soak.self])

    /// The parts of the table.
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case append, peers, audit, rebuild, storage, session, proof, key, tiles, agents, http
    }

    @Flag(help: "Fewer and shorter rounds: about 20 seconds in all.")
    var quick = false

    @Option(help: "Where to write; decides which disk is measured.")
    var directory = FileManager.default.temporaryDirectory.path

    @Option(help: "Only these parts: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [Part] = []

    @Option(help: "The nrx-replay program; without, the one beside this program.")
    var replay: String?

    func run() async throws {
        let base = directory + "/nrx-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: base) }
        let rounds = quick ? Rounds(count: 3, seconds: 0.25) : Rounds(count: 9, seconds: 0.5)
        var table = Table()
        print(Machine.description(directory: base))
        print("\(rounds.count) rounds of \(rounds.seconds) s, ours and the peer in turns; medians\n")
        for part in only.isEmpty ? Part.allCases : only {
            do {
                switch part {
                case .append: table.add(try await AppendBenchmark.rows(in: base + "/append", rounds: rounds))
                case .peers:
                    let (rows, notes) = try await PeersBenchmark.measure(
                        in: base + "/peers", server: Self.besideThisProgram("nrx-server"), rounds: rounds)
                    table.add(rows)
                    notes.forEach { table.note($0) }
                case .http:
                    let (rows, notes) = try await HTTPBenchmark.measure(
                        in: base + "/http", server: Self.besideThisProgram("nrx-server"),
                        customers: quick ? 100_000 : 1_000_000, rounds: rounds)
                    table.add(rows)
                    notes.forEach { table.note($0) }
                case .audit:
                    let program = replay ?? Self.besideThisProgram("nrx-replay")
                    table.add(
                        try await AuditBenchmark.rows(
                            in: base + "/audit", replay: program, sessions: quick ? 1_000 : 8_000, rounds: rounds))
                    table.add(
                        try await AuditBenchmark.plainRows(
                            in: base + "/plain", replay: program, events: quick ? 100_000 : 400_000, rounds: rounds))
                case .rebuild:
                    table.add(
                        try await RebuildBenchmark.rows(
                            in: base + "/rebuild", replay: replay ?? Self.besideThisProgram("nrx-replay"),
                            sessions: quick ? 2_000 : 10_000, rounds: rounds))
                case .storage:
                    table.add(try await StorageBenchmark.rows(in: base + "/storage", sessions: quick ? 200 : 1_000))
                case .session:
                    let (rows, notes) = try await SessionBenchmark.measure(in: base + "/session", rounds: rounds)
                    table.add(rows)
                    notes.forEach { table.note($0) }
                    table.add(try await MemoryBenchmark.rows(in: base + "/memory"))
                    table.add(try await WipeBenchmark.rows(in: base + "/wipe", rounds: rounds))
                case .tiles:
                    let measured = try TileBenchmark.measure(
                        in: base + "/tiles", events: quick ? 1_000_000 : 10_000_000, proofs: 2_000)
                    table.add(measured.rows)
                    table.note(measured.note)
                case .agents:
                    table.add(
                        try AgentsBenchmark.rows(
                            in: base + "/agents", agents: 100_000, questions: quick ? 600 : 6_000))
                case .proof: table.add(try await ProofBenchmark.rows(rounds: rounds))
                case .key: table.add(try await KeyBenchmark.rows(in: base + "/key", rounds: rounds))
                }
            } catch { table.note("\(part.rawValue): not measured: \(error)") }
        }
        print(table.text)
        print("\nload average at the end: \(Machine.loadAverage)")
    }

    static func besideThisProgram(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: own).deletingLastPathComponent().appending(path: name).path(percentEncoded: false)
    }
}
