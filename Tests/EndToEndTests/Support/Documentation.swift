import Foundation
import ServerFixtures
import Testing

/// What the documentation tells readers to type: its fenced blocks, by what they are marked as.
struct Documentation {
    /// One fenced block.
    struct Block {
        /// What stands behind the opening fence: `sh` is run by the tests.
        let kind: String
        let lines: [String]
        /// Where it begins, from 1.
        let line: Int
    }

    let name: String
    let blocks: [Block]

    /// - Parameter name: relative to the repository, for example `docs/quick-start.md`.
    init(_ name: String) throws {
        self.name = name
        let text = try String(contentsOf: ForeignClient.repository.appending(path: name), encoding: .utf8)
        var (blocks, open): ([Block], (kind: String, line: Int, lines: [String])?) = ([], nil)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let block = open {
                if line.hasPrefix("```") {
                    blocks.append(Block(kind: block.kind, lines: block.lines, line: block.line))
                    open = nil
                } else {
                    open?.lines.append(String(line))
                }
            } else if line.hasPrefix("```") {
                open = (line.dropFirst(3).trimmingCharacters(in: .whitespaces), index + 1, [])
            }
        }
        try #require(open == nil, "\(name): a fence is not closed")
        self.blocks = blocks
    }

    /// Every page of the documentation.
    static func names() throws -> [String] {
        let docs = ForeignClient.repository.appending(path: "docs").path(percentEncoded: false)
        return try FileManager.default.contentsOfDirectory(atPath: docs).filter { $0.hasSuffix(".md") }.sorted()
            .map { "docs/" + $0 } + ["README.md", "CONTRIBUTING.md"]
    }

    /// The `sh` blocks as one script, each command printed before it is run, ended by the first that fails.
    var script: String {
        "set -euo pipefail\n"
            + blocks.filter { $0.kind == "sh" }.map { block in
                "echo '# \(name):\(block.line)'\n" + block.lines.joined(separator: "\n")
            }.joined(separator: "\n")
    }

    /// Runs the script in `directory`.
    ///
    /// - Parameter environment: added to a plain one.
    func run(in directory: String, _ environment: [String: String]) async throws -> ProgramResult {
        let file = directory + "/script.sh"
        try script.write(toFile: file, atomically: true, encoding: .utf8)
        let variables = environment.map { "\($0.key)=\($0.value)" }
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        try BuiltPrograms.run(
                            "/usr/bin/env", ["--chdir", directory, "-i"] + variables + ["bash", file])
                    })
            }
        }
    }
}
