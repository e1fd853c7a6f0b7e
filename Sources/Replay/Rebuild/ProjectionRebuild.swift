import CanonicalJSON
import Foundation
import Merkle
import Projections

/// `nrx-replay rebuild`: the projections, made from nothing but the log, as a new file.
public struct ProjectionRebuild: Sendable {
    /// The log's directory.
    public let directory: String
    /// The new file.
    public let target: String

    /// - Parameters:
    ///   - directory: holds the *.jsonl.lz4 files.
    ///   - target: must not exist.
    public init(directory: String, target: String) {
        self.directory = directory
        self.target = target
    }

    /// Builds the file. When the log is damaged, nothing is left behind.
    ///
    /// - Throws: ``AuditorError`` when the target exists or cannot be written, or the log cannot be read.
    public func run(progress: (ScanProgress) -> Void = { _ in }) throws(AuditorError) -> CommandOutput {
        guard !FileManager.default.fileExists(atPath: target) else {
            throw AuditorError(.usage, "\(target) exists already; name a file that does not.", file: target)
        }
        do {
            let builder = try ProjectionBuilder(path: target)
            defer { builder.abandon() }
            let outcome = try ProjectionRebuilder(directory: directory).run(with: builder, progress: progress)
            return output(outcome, outcome.defect == nil ? try builder.finish() : nil)
        } catch let error as AuditorError {
            throw error
        } catch {
            throw AuditorError(.io, "\(error)", file: target, cause: error)
        }
    }

    private func output(_ outcome: ProjectionRebuilder.Outcome, _ digest: ProjectionDigest?) -> CommandOutput {
        var lines = LabelledLines(labelWidth: 20)
        if let defect = outcome.defect { lines.add("FAILED", "nothing was written: \(defect)") }
        if let digest {
            lines.add("rebuilt", "\(target) from \(outcome.position) events")
            for table in digest.tables { lines.add(table.name, "\(table.rows) rows, \(table.hash.hex)") }
            lines.add("digest", digest.whole.hex)
        }
        return CommandOutput(
            "rebuild", status: outcome.defect == nil ? .verified : .failed, text: lines.text,
            members: JSONObject([
                "file": .string(target), "position": .integer(Int64(outcome.position)),
                "damage": outcome.defect.map { .string($0) },
                "digest": digest?.document,
            ]))
    }
}

extension ProjectionDigest {
    var document: JSONValue {
        [
            "whole": .string(whole.hex),
            "tables": .array(
                tables.map {
                    ["name": .string($0.name), "rows": .integer(Int64($0.rows)), "hash": .string($0.hash.hex)]
                }),
        ]
    }
}
