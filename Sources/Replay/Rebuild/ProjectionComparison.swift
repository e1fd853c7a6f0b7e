import CanonicalJSON
import Foundation
import Merkle
import Projections

/// `nrx-replay diff`: a server's projections held against what its log says they must be.
///
/// Works on a copy of the file, so that a server at work is not disturbed; builds the comparison in the directory for
/// temporary files (`TMPDIR`).
public struct ProjectionComparison: Sendable {
    /// The log's directory.
    public let directory: String
    /// The projections' file.
    public let projection: String
    /// Differing rows named in each table, at most.
    public static let rowsMax = 10

    /// - Parameters:
    ///   - directory: holds the *.jsonl.lz4 files.
    ///   - projection: the server's `projections.sqlite`.
    public init(directory: String, projection: String) {
        self.directory = directory
        self.projection = projection
    }

    private struct Findings {
        var position: UInt64 = 0
        var differences: [ProjectionDifference] = []
        /// Why it cannot be what the log says, beyond single rows.
        var reasons: [String] = []
    }

    /// Compares.
    ///
    /// - Throws: ``AuditorError`` when the log or the file cannot be read, or there is no room for the comparison.
    public func run(progress: (ScanProgress) -> Void = { _ in }) throws(AuditorError) -> CommandOutput {
        guard FileManager.default.fileExists(atPath: projection) else {
            throw AuditorError(.io, "there is no file \(projection).", file: projection)
        }
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("nrx-diff-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        do {
            try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
            return output(try compare(in: scratch.path, progress: progress))
        } catch let error as AuditorError {
            throw error
        } catch {
            throw AuditorError(.io, "\(error)", file: projection, cause: error)
        }
    }

    private func compare(in scratch: String, progress: (ScanProgress) -> Void) throws -> Findings {
        var findings = Findings()
        let copy = scratch + "/copy.sqlite"
        if let reason = try snapshot(to: copy) {
            findings.reasons.append(reason)
            return findings
        }
        let served = try ProjectionStore(path: copy)
        if case .rebuilding(let reason) = served.opening {
            findings.reasons.append("the file is not a sound projection: \(reason)")
            return findings
        }
        findings.position = served.position
        let builder = try ProjectionBuilder(path: scratch + "/rebuilt.sqlite")
        let outcome = try ProjectionRebuilder(directory: directory).run(
            with: builder, limit: served.position, progress: progress)
        guard !builder.hasEnded else {
            // Some event cannot be projected, which says what is wrong; there are no rows to compare with.
            findings.reasons.append("the log is damaged: \(outcome.defect ?? "it cannot be projected")")
            try served.close()
            return findings
        }
        _ = try builder.finish()
        let rebuilt = try ProjectionStore(path: scratch + "/rebuilt.sqlite")
        if let defect = outcome.defect { findings.reasons.append("the log is damaged: \(defect)") }
        if outcome.position < served.position {
            findings.reasons.append(
                "the projection has applied \(served.position) events, and the log holds only \(outcome.position)")
        }
        findings.differences = try rebuilt.differences(from: served, limit: Self.rowsMax)
        try served.close()
        try rebuilt.close()
        return findings
    }

    /// Why the file cannot be copied though it is there, or nil.
    private func snapshot(to copy: String) throws(ProjectionError) -> String? {
        do throws(ProjectionError) {
            try ProjectionStore.snapshot(of: projection, to: copy)
            return nil
        } catch {
            guard error.code == .damaged else { throw error }
            return "SQLite cannot read it: \(error.message)"
        }
    }

    private func output(_ findings: Findings) -> CommandOutput {
        let isEqual = findings.differences.isEmpty && findings.reasons.isEmpty
        var lines = LabelledLines(labelWidth: 14)
        lines.add("projection", "\(projection), \(findings.position) events applied")
        for reason in findings.reasons { lines.add("finding", reason) }
        for difference in findings.differences { lines.add("finding", difference.sentence) }
        lines.add(
            "result",
            isEqual
                ? "EQUAL: every row is what the log says" : "DIFFERENT: delete the file and let the server rebuild it")
        return CommandOutput(
            "diff", status: isEqual ? .verified : .failed, text: lines.text,
            members: JSONObject([
                "file": .string(projection), "position": .integer(Int64(findings.position)),
                "findings": .array(findings.reasons.map { .string($0) }),
                "differences": .array(findings.differences.map(\.document)),
            ]))
    }
}

extension ProjectionDifference {
    /// The difference in words; the first side is what the log says.
    fileprivate var sentence: String {
        switch kind {
        case .onlyInFirst: "table \(table), \(key): the log has it, the projection does not"
        case .onlyInSecond: "table \(table), \(key): the projection has it, the log does not"
        case .differs(let columns): "table \(table), \(key): differs in \(columns.joined(separator: ", "))"
        }
    }

    fileprivate var document: JSONValue {
        var members = JSONObject(["table": .string(table), "row": .integer(Int64(row)), "key": .string(key)])
        switch kind {
        case .onlyInFirst: members["kind"] = "missing"
        case .onlyInSecond: members["kind"] = "added"
        case .differs(let columns):
            members["kind"] = "changed"
            members["columns"] = .array(columns.map { .string($0) })
        }
        return .object(members)
    }
}
