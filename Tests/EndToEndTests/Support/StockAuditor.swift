import Foundation
import ServerFixtures

/// `verify_log.py`: an auditor that shares no code with the server.
enum StockAuditor {
    static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "verify_log.py").path(percentEncoded: false)

    /// Checks a log's files.
    ///
    /// - Parameter key: any key that the log ever had; nil believes the log's first event.
    static func verify(_ directory: TemporaryDirectory, key: String? = nil) throws -> ProgramResult {
        let pipe =
            "cat '\(directory.log)'/*.jsonl.lz4 | lz4 -dc | python3 '\(script)' '\(directory.log)/checkpoint' "
            + (key.map { "'\($0)'" } ?? "")
        return try BuiltPrograms.run("/bin/bash", ["-o", "pipefail", "-c", pipe])
    }

    /// Checks lines as somebody else may have changed them.
    static func verify(_ lines: [String], _ directory: TemporaryDirectory) throws -> ProgramResult {
        try BuiltPrograms.run(
            "/usr/bin/env", ["python3", script, "\(directory.log)/checkpoint"],
            input: Data(lines.map { $0 + "\n" }.joined().utf8))
    }
}
