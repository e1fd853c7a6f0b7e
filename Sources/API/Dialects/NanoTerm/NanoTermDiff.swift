import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs
import Sandbox

/// `GET /api/workspaces/:id/diff`: what the workspace holds beyond what it held when it was made, which was nothing. So
/// everything is an addition; text is shown as a unified diff.
struct NanoTermDiff: Sendable {
    let workspaces: NanoTermWorkspaces

    /// Files that are listed, bytes of one that is shown, and bytes of the whole diff, at most.
    private static let filesMax = 2_000
    private static let fileBytesMax = 256 * 1024
    private static let diffBytesMax = 4 << 20
    private static let depthMax = 64

    /// Everything that shells out, or shows what commands did, counts as exec.
    var route: Route {
        Route(.get, NanoTermWorkspaceRoutes.path + "/:id/diff", .key(.sessionsExec), handler: show)
    }

    private struct Found {
        var files: [(path: String, entry: FileEntry)] = []
        var isCut = false
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let environment = try workspaces.environment(exchange.parameter("id"), for: try exchange.caller())
        do throws(SandboxError) {
            var found = Found()
            try await Self.walk("", in: environment, depth: 0, into: &found)
            return try await Self.answer(found, in: environment)
        } catch { throw APIError(file: error) }
    }

    private static func walk(
        _ directory: String, in environment: SessionEnvironment, depth: Int, into found: inout Found
    ) async throws(SandboxError) {
        guard depth < depthMax else {
            found.isCut = true
            return
        }
        let entries: [FileEntry]
        do throws(SandboxError) { entries = try await environment.files(in: directory) } catch {
            // Gone, or closed to us, while we walked.
            guard error.code == .notFound || error.code == .refused || error.code == .noDirectory else { throw error }
            return
        }
        for entry in entries {
            guard found.files.count < filesMax else {
                found.isCut = true
                return
            }
            let path = directory.isEmpty ? entry.name : directory + "/" + entry.name
            if entry.kind == .directory {
                try await walk(path, in: environment, depth: depth + 1, into: &found)
            } else {
                found.files.append((path, entry))
            }
        }
    }

    private static func answer(_ found: Found, in environment: SessionEnvironment) async throws(SandboxError)
        -> APIResponse
    {
        var isCut = found.isCut
        var diff = ""
        var files: [JSONValue] = []
        for (path, entry) in found.files {
            var lines: [String]?
            if entry.kind == .file, entry.size <= fileBytesMax, diff.utf8.count < diffBytesMax {
                lines = try await text(of: path, in: environment).map(Self.lines)
            } else if entry.kind == .file, entry.size <= fileBytesMax {
                isCut = true
            }
            diff += section(path, lines, entry)
            files.append([
                "path": .string(path), "status": "added", "size": .integer(entry.size),
                "kind": .string(entry.kind.rawValue),
                "additions": lines.map { .integer(Int64(count($0))) } ?? .null,
            ])
        }
        return .json(["files": .array(files), "diff": .string(diff), "truncated": .bool(isCut)])
    }

    /// The text of a small file; nil for what is none, or is gone by now.
    private static func text(of path: String, in environment: SessionEnvironment) async throws(SandboxError)
        -> String?
    {
        let file: SessionFile
        do throws(SandboxError) { file = try await environment.readFile(path) } catch {
            guard error.code == .notFound || error.code == .refused else { throw error }
            return nil
        }
        defer { file.close() }
        var bytes: [UInt8] = []
        while bytes.count <= fileBytesMax, let piece = try await file.read(fileBytesMax + 1 - bytes.count) {
            bytes += piece
        }
        guard bytes.count <= fileBytesMax, !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// What stands between the newlines; carriage returns stay where they are.
    private static func lines(of text: String) -> [String] {
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    /// Lines of a text that was split at its newlines.
    private static func count(_ lines: [String]) -> Int { lines.last == "" ? lines.count - 1 : lines.count }

    /// One file of a unified diff against nothing (POSIX `diff -u`, with git's headers).
    private static func section(_ path: String, _ lines: [String]?, _ entry: FileEntry) -> String {
        let shown = printable(path)
        var text = "diff --git a/\(shown) b/\(shown)\nnew file mode 100644\n"
        guard let lines else {
            return entry.kind == .file ? text + "Binary files /dev/null and b/\(shown) differ\n" : ""
        }
        let additions = count(lines)
        guard additions > 0 else { return text }
        text += "--- /dev/null\n+++ b/\(shown)\n@@ -0,0 +1\(additions == 1 ? "" : ",\(additions)") @@\n"
        for line in lines.prefix(additions) { text += "+\(line)\n" }
        if lines.last != "" { text += "\\ No newline at end of file\n" }
        return text
    }

    /// A name with a newline in it must not look like lines of the diff.
    private static func printable(_ path: String) -> String {
        path.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\r", with: "\\r")
    }
}
