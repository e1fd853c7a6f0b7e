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
        let bare = BareSignature()
        let medians = try await rounds.medians([
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"]) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory]) },
            { _ in try TimedProgram.seconds("/bin/sh", ["-c", stockTools(directory)]) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory], cores: 1) },
            { seconds in try rate(for: seconds) { try bare.verify() } },
        ])
        let proofs = Double(sessions / SampleHistory.sessionsAtOnce * SampleHistory.sessionsAtOnce)
        let ofProofs = Table.Row(
            name: "audit of sessions, one core", ours: rateText(proofs / medians[3]) + " proofs",
            peer: "libsodium Ed25519 verify", theirs: rateText(medians[4]), ratio: proofs / medians[3] / medians[4],
            target: .atLeast(0.6))
        return zip(["audit --integrity", "audit, meaning and proofs too"], medians).enumerated().map {
            index, measured in
            Table.Row(
                name: measured.0, ours: rateText(events / measured.1) + " events", peer: "lz4 -dc | sha256sum",
                theirs: rateText(events / medians[2]) + " events", ratio: medians[2] / measured.1,
                target: index == 0 ? .atLeast(0.8) : nil)
        } + [ofProofs]
    }

    /// The integrity of events of 300 bytes each, on one core and on all.
    static func plainRows(in directory: String, replay: String, events: Int, rounds: Rounds) async throws -> [Table.Row]
    {
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
        let drafts = SampleEvents.make(count: 8_192)
        let perAppend = 32
        for start in stride(from: 0, to: events, by: perAppend) {
            _ = try await log.append((0..<perAppend).map { drafts[(start + $0) % drafts.count] })
        }
        let count = Double(log.head.size)
        try await log.close()
        let medians = try await rounds.medians([
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"], cores: 1) },
            { _ in try TimedProgram.seconds("/bin/sh", ["-c", stockTools(directory)], cores: 1) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"]) },
        ])
        let (one, stock, all) = (count / medians[0], count / medians[1], count / medians[2])
        let name = "audit --integrity, 300-byte events"
        return [
            Table.Row(
                name: name + ", one core", ours: rateText(one) + " events", peer: "lz4 -dc | sha256sum, one core",
                theirs: rateText(stock) + " events", ratio: one / stock, target: .atLeast(1.5)),
            Table.Row(
                name: name + ", one core", ours: rateText(one) + " events", peer: "the aim", theirs: "500 k/s",
                ratio: one / 500_000, target: .atLeast(1)),
            Table.Row(
                name: name + ", all cores", ours: rateText(all) + " events", peer: "one core",
                theirs: rateText(one) + " events", ratio: all / one, target: .atLeast(1.6)),
        ]
    }

    private static func stockTools(_ directory: String) -> String {
        "cat '\(directory)'/*.jsonl.lz4 | lz4 -dc | sha256sum"
    }
}
