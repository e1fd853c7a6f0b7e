import CanonicalJSON
public import EventStore
import Foundation
import Merkle

/// `nrx-replay backup`: copies a log while a server writes to it, and says what it did.
public enum BackupCommand {
    /// Copies the log in `source` to `destination`.
    ///
    /// - Parameters:
    ///   - verifiesWholeCopy: whether what is in the copy already is read and hashed again.
    ///   - progress: told of each segment.
    /// - Returns: the answer; failed when the source is damaged or does not extend the copy.
    /// - Throws: ``AuditorError`` when the question cannot be asked or a file operation fails.
    public static func run(
        source: String, destination: String, verifiesWholeCopy: Bool, progress: (BackupReport) -> Void = { _ in }
    ) throws(AuditorError) -> CommandOutput {
        let (from, to) = (resolved(source), resolved(destination))
        guard from != to, !to.hasPrefix(from + "/"), !from.hasPrefix(to + "/") else {
            throw AuditorError(
                .usage,
                "\(destination) and \(source) lie in one another. Name a directory elsewhere, best on another"
                    + " disk.", file: destination)
        }
        var backup = LogBackup(source: source, destination: destination)
        backup.verifiesWholeCopy = verifiesWholeCopy
        do throws(EventLogError) {
            let report = try backup.run(progress: progress)
            return CommandOutput(
                "backup", status: .verified, text: text(report, source: source, destination: destination),
                members: members(report, source: source, destination: destination))
        } catch {
            switch error.code {
            case .damaged, .rolledBack, .foreign: return failed(error, source: source, destination: destination)
            case .locked: throw AuditorError(.usage, error.message, file: error.file, cause: error)
            default: throw AuditorError(error)
            }
        }
    }

    private static func resolved(_ path: String) -> String {
        URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }

    private static func text(_ report: BackupReport, source: String, destination: String) -> String {
        var lines = LabelledLines(labelWidth: 14)
        lines.add("log", source)
        lines.add("backup", destination)
        lines.add(
            "segments",
            "\(report.segments): \(report.copied) copied, \(report.renewed) renewed, \(report.recompressed) replaced by"
                + " their recompressed form, \(report.unchanged) unchanged")
        lines.add("bytes", "\(report.copiedBytes) written, each hashed up to the root, read back and compared")
        lines.add("events", "\(report.head.size), \(report.newEvents) of them new")
        lines.add("root", report.head.root.hex)
        lines.add(
            "checkpoint", report.checkpointSize.map { "copied; signs \($0) events" } ?? "the log has none yet")
        for file in report.damagedCopies { lines.add("note", "\(file) was damaged in the backup and was copied anew") }
        lines.add("note", "tiles are derived and not copied: a server started on the backup makes them again")
        lines.add(
            "note",
            "the vault is not in this backup. It holds the keys to the personal data and the log's own key: back"
                + " it up apart")
        lines.add("result", "VERIFIED")
        return lines.text
    }

    private static func members(_ report: BackupReport, source: String, destination: String) -> JSONObject {
        JSONObject([
            "log": .string(source), "backup": .string(destination),
            "segments": [
                "total": .integer(Int64(report.segments)), "copied": .integer(Int64(report.copied)),
                "renewed": .integer(Int64(report.renewed)), "recompressed": .integer(Int64(report.recompressed)),
                "unchanged": .integer(Int64(report.unchanged)),
            ],
            "copied_bytes": .integer(Int64(report.copiedBytes)),
            "size": .integer(Int64(report.head.size)), "root": .string(report.head.root.hex),
            "new_events": .integer(Int64(report.newEvents)),
            "checkpoint_size": report.checkpointSize.map { .integer(Int64($0)) },
            "damaged_copies": .array(report.damagedCopies.map { .string($0) }),
        ])
    }

    private static func failed(_ error: EventLogError, source: String, destination: String) -> CommandOutput {
        var lines = LabelledLines(labelWidth: 14)
        lines.add("log", source)
        lines.add("backup", destination)
        lines.add("finding", error.description)
        lines.add("result", "FAILED")
        return CommandOutput(
            "backup", status: .failed, text: lines.text,
            members: JSONObject([
                "log": .string(source), "backup": .string(destination),
                "finding": .object(
                    JSONObject([
                        "code": .string(error.code.rawValue), "message": .string(error.message),
                        "file": error.file.map { .string($0) }, "offset": error.offset.map { .integer(Int64($0)) },
                        "sequence": error.sequences.map { .integer(Int64($0.lowerBound)) },
                    ])),
            ]))
    }
}
