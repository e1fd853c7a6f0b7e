import Foundation
import ServerFixtures
import Testing

extension TemporaryDirectory {
    /// Where the servers of this test keep their log.
    var log: String { path + "/data/log" }

    /// Replays the log with `nrx-replay audit`, as a stranger would, and expects that everything holds.
    func expectCleanAudit(_ when: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let audit = try BuiltPrograms.run(try BuiltPrograms.path("nrx-replay"), ["audit", log])
        #expect(audit.status == 0, "\(when): \(audit.text)\(audit.errors)", sourceLocation: sourceLocation)
    }

    /// The log's lines, read with nothing but `cat` and `lz4`.
    func lines() throws -> [String] {
        let shell = try BuiltPrograms.run("/bin/bash", ["-o", "pipefail", "-c", "cat '\(log)'/*.jsonl.lz4 | lz4 -dc"])
        try #require(shell.status == 0, "\(shell.errors)")
        return shell.text.split(separator: "\n").map(String.init)
    }
}
