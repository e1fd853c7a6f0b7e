import EventStore
import Foundation

/// All projections made anew from a log by `nrx-replay rebuild`, beside `sqlite3` that imports the finished rows.
enum RebuildBenchmark {
    static func rows(in directory: String, replay: String, sessions: Int, rounds: Rounds) async throws -> [Table.Row] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory + "/log", signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
        try await SampleHistory(log: log).writeSessions(sessions)
        let events = Double(log.head.size)
        try await log.close()
        let rebuilt = directory + "/rebuilt.sqlite"
        let rebuild = ["rebuild", "--log", directory + "/log", "--to", rebuilt]
        _ = try TimedProgram.seconds(replay, rebuild)
        let peer = try ImportPeer(of: rebuilt, in: directory)
        let medians = try await rounds.medians([
            { _ in
                try FileManager.default.removeItem(atPath: rebuilt)
                return try TimedProgram.seconds(replay, rebuild)
            },
            { _ in try peer.seconds() },
        ])
        let (ours, theirs) = (events / medians[0], events / medians[1])
        return [
            Table.Row(
                name: "rebuild of all projections", ours: rateText(ours) + " events", peer: "the aim",
                theirs: "100 k/s", ratio: ours / 100_000, target: .atLeast(1)),
            Table.Row(
                name: "rebuild of all projections", ours: rateText(ours) + " events",
                peer: "sqlite3 .import of the \(peer.rows) rows", theirs: rateText(theirs) + " events",
                ratio: ours / theirs),
        ]
    }
}

/// The rows of a finished projection as CSV files, and `sqlite3`, which puts them into an empty file with the same tables
/// and indexes.
private struct ImportPeer {
    /// Rows in all tables.
    let rows: Int
    private let target: String
    private let script: String

    init(of source: String, in directory: String) throws {
        func ask(_ commands: String...) throws -> String {
            try ChildProcess.run("sqlite3", ["-batch", source] + commands, in: directory)
        }
        // Not the tables that the full-text index makes and fills by itself.
        let own =
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
        let tables = try ask(own).split(separator: "\n").map(String.init)
        // Nulls become empty texts in CSV, which strict tables would refuse.
        var script = try ask("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name IN (\(own))")
            .replacing(") STRICT", with: ")").replacing("PRIMARY KEY) STRICT", with: "PRIMARY KEY)")
        var rows = 0
        for table in tables {
            let file = directory + "/\(table).csv"
            _ = try ask(".mode csv", ".output \(file)", "SELECT * FROM \(table)")
            rows += Int(try ask("SELECT count(*) FROM \(table)").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            script += "\n.import --csv \(file) \(table)"
        }
        self.rows = rows
        target = directory + "/imported.sqlite"
        self.script = directory + "/import.sql"
        // As a rebuilt projection is kept: a write-ahead log that is not synced at each commit.
        try ("PRAGMA journal_mode = WAL;\nPRAGMA synchronous = NORMAL;\n" + script)
            .write(toFile: self.script, atomically: true, encoding: .utf8)
    }

    func seconds() throws -> Double {
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: target + suffix) {
            try FileManager.default.removeItem(atPath: target + suffix)
        }
        return try TimedProgram.seconds("/bin/sh", ["-c", "sqlite3 -batch '\(target)' < '\(script)'"])
    }
}
