import ArgumentParser
import Foundation

/// `nrx-bench soak`: everything at once, for as long as is asked, and then the auditor.
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Load a server of its own with everything at once, then audit what it wrote.",
        discussion: """
            Fails (exit code 1) when an answer was neither a success nor 429, when the server's memory went on growing \
            after the first third, when it did not stop cleanly, or when nrx-replay finds anything. docs/benchmarks.md \
            says what is asked for.
            """)

    @Option(help: "How long.") var seconds = 600.0
    @Option(help: "Where to write.") var directory = FileManager.default.temporaryDirectory.path
    @Option(help: "Clients at the same time.") var clients = 32
    @Option(help: "The nrx-server program; without, the one beside this program.") var server: String?
    @Option(help: "The nrx-replay program; without, the one beside this program.") var replay: String?

    func validate() throws {
        guard seconds >= 1, (1...1_024).contains(clients) else {
            throw ValidationError("--seconds must be at least 1, and --clients 1 to 1024.")
        }
    }

    func run() async throws {
        let base = directory + "/nrx-soak-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: base) }
        let server = try RunningServer(
            program: self.server ?? Benchmark.besideThisProgram("nrx-server"), in: base)
        let load = try SoakLoad(server: server, clients: clients)
        print(Machine.description(directory: base))
        print(
            "\(clients) clients for \(Int(seconds)) s; sessions: \(load.hasSessions ? "yes" : "no, this machine cannot isolate them")"
        )
        let memory = try await watch(server) { try await load.run(seconds: seconds) }
        let status = server.process.stop()
        var failures = load.failures
        if status != 0 { failures.append("the server ended with \(status)") }
        if let growth = memory.growth { failures.append(growth) }
        failures += try audit(base + "/data")
        print(load.report(seconds: seconds))
        print("memory: \(memory)")
        guard failures.isEmpty else {
            failures.forEach { print("FAILED: \($0)") }
            throw ExitCode(1)
        }
        print("audit and diff: clean")
    }

    /// Looks at the server's memory twenty times while `body` runs.
    private func watch(_ server: RunningServer, _ body: @Sendable () async throws -> Void) async throws -> SoakMemory {
        let (pid, pause) = (server.process.pid, seconds / 20)
        let watching = Task {
            var memory = SoakMemory()
            while !Task.isCancelled {
                memory.add(try ProcessMemory.residentBytes(of: pid))
                do { try await Task.sleep(for: .seconds(pause)) } catch { break }
            }
            return memory
        }
        do { try await body() } catch {
            watching.cancel()
            throw error
        }
        watching.cancel()
        return try await watching.value
    }

    /// - Returns: what the auditor finds.
    private func audit(_ data: String) throws -> [String] {
        let program = replay ?? Benchmark.besideThisProgram("nrx-replay")
        var found: [String] = []
        for arguments in [["audit", data + "/log"], ["diff", data + "/projections.sqlite", "--log", data + "/log"]] {
            do { try ChildProcess.run(program, arguments, in: data) } catch { found.append("\(error)") }
        }
        return found
    }
}

/// What of the server was in memory, at even intervals.
struct SoakMemory: CustomStringConvertible {
    private var samples: [Int] = []
    /// What ended sessions and proofs may leave behind: the ledger knows every one for ever, some hundred bytes each.
    private static let allowance = 64 << 20
    private static let mebibyte = 1_048_576.0

    mutating func add(_ bytes: Int) { samples.append(bytes) }

    /// What is wrong with it; nil when it is flat after the first third.
    var growth: String? {
        guard samples.count >= 6 else { return nil }
        let third = samples.count / 3
        let early = samples[third..<(2 * third)].max() ?? 0
        let late = samples[(samples.count - third)...].max() ?? 0
        guard late > early + max(early / 4, Self.allowance) else { return nil }
        return "memory grew from \(Self.text(early)) in the second third to \(Self.text(late)) in the last"
    }

    var description: String {
        "\(Self.text(samples.first ?? 0)) at first, \(Self.text(samples.max() ?? 0)) at most, "
            + "\(Self.text(samples.last ?? 0)) at the end"
    }

    private static func text(_ bytes: Int) -> String { decimal(Double(bytes) / mebibyte) + " MiB" }
}
