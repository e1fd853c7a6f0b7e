import EventStore
import Foundation

/// Audits of a log by `nrx-replay`, against the least that stock tools would have to do: decompress and hash once.
enum AuditBenchmark {
    static func rows(in directory: String, replay: String, sessions: Int, rounds: Rounds) async throws -> [Table.Row] {
        guard FileManager.default.isExecutableFile(atPath: replay) else {
            throw BenchmarkError("there is no \(replay); make build")
        }
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
        try await SampleHistory(log: log).writeSessions(sessions)
        let events = Double(log.head.size)
        try await log.close()
        let medians = try await rounds.medians([
            { _ in try seconds(replay, ["audit", directory, "--integrity"]) },
            { _ in try seconds(replay, ["audit", directory]) },
            { _ in try seconds("/bin/sh", ["-c", "cat '\(directory)'/*.jsonl.lz4 | lz4 -dc | sha256sum"]) },
        ])
        return zip(["audit --integrity", "audit, meaning and proofs too"], medians).enumerated().map {
            index, measured in
            Table.Row(
                name: measured.0, ours: rateText(events / measured.1) + " events", peer: "lz4 -dc | sha256sum",
                theirs: rateText(events / medians[2]) + " events", ratio: medians[2] / measured.1,
                target: index == 0 ? .atLeast(0.8) : nil)
        }
    }

    /// Runs a program to its successful end; how long that took.
    private static func seconds(_ program: String, _ arguments: [String]) throws -> Double {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let complaints = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = complaints
        let clock = ContinuousClock()
        let start = clock.now
        try process.run()
        process.waitUntilExit()
        let elapsed = start.duration(to: clock.now).inSeconds
        guard process.terminationStatus == 0 else {
            let text = String(decoding: complaints.fileHandleForReading.availableData.prefix(500), as: UTF8.self)
            throw BenchmarkError("\(program) ended with \(process.terminationStatus) \(text)")
        }
        return elapsed
    }
}
