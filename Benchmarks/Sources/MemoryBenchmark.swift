import Foundation
import Sandbox

/// Proportional memory (PSS) of sessions that do nothing: their processes, and what the server itself has grown by.
enum MemoryBenchmark {
    private static let sessions = 20
    private static let mebibyte = 1_048_576.0
    /// The aim: 2 MiB a session.
    private static let targetBytes = 2 * mebibyte

    static func rows(in directory: String) async throws -> [Table.Row] {
        let cold = try SessionBenchmark.host(directory + "/cold", warmPoolSize: 0)
        // What a server makes once is not a session's.
        _ = try await SessionBenchmark.idle(on: cold).destroy()
        let ownBefore = try proportionalBytes(of: getpid())
        var live: [SessionEnvironment] = []
        for _ in 0..<sessions { live.append(try await SessionBenchmark.idle(on: cold)) }
        let processes = try descendantBytes() / Double(sessions)
        let ownAfter = try proportionalBytes(of: getpid())
        let own = max(0, ownAfter - ownBefore) / Double(sessions)
        for environment in live { _ = try await environment.destroy() }
        await cold.shutdown()
        let pool = try SessionBenchmark.host(directory + "/pool", warmPoolSize: sessions)
        while pool.warmCount < sessions { try await Task.sleep(for: .milliseconds(5)) }
        let ready = try descendantBytes() / Double(sessions)
        await pool.shutdown()
        return [
            row("memory (PSS) of an idle session, its share of the server's included", processes + own),
            row("memory (PSS) of a ready environment in the pool", ready),
        ]
    }

    private static func row(_ name: String, _ bytes: Double) -> Table.Row {
        Table.Row(
            name: name, ours: decimal(bytes / mebibyte) + " MiB", peer: "the aim", theirs: "2 MiB",
            ratio: bytes / targetBytes, target: .atMost(1))
    }

    /// Everything that descends from this process: bubblewrap, nrx-init and the process of the next command.
    private static func descendantBytes() throws -> Double {
        var parents: [pid_t: pid_t] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = pid_t(name), let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 1,
                // One that has ended has no memory any more.
                fields[0] != "Z" && fields[0] != "X", let parent = pid_t(fields[1])
            else { continue }
            parents[pid] = parent
        }
        func descends(_ pid: pid_t) -> Bool {
            var next = parents[pid]
            while let parent = next {
                if parent == getpid() { return true }
                next = parents[parent]
            }
            return false
        }
        var sum = 0.0
        for pid in parents.keys where descends(pid) { sum += try proportionalBytes(of: pid) }
        return sum
    }

    private static func proportionalBytes(of pid: pid_t) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
        guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
            throw BenchmarkError("the kernel does not tell the proportional memory of a process")
        }
        return kibibytes * 1_024
    }
}
