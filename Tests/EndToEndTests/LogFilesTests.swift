import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

@testable import EventStore

/// What an auditor with stock tools sees of the log.
@Suite("The log's files", .serialized, .timeLimit(.minutes(10)))
struct LogFilesTests {
    @Test("cat | lz4 -dc | jq prints the story, while the server runs", .enabled(if: Isolation.isAvailable))
    func story() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let key = try await server.signUp()
        let session = try await server.createSession(key)
        _ = try await server.execute("true", in: session, key: key)
        _ = try await server.send("DELETE", "/v1/sessions/\(session)", key: key)
        let shell = try BuiltPrograms.run(
            "/bin/bash", ["-o", "pipefail", "-c", "cat '\(directory.log)'/*.jsonl.lz4 | lz4 -dc | jq -c .type"])
        #expect(shell.status == 0, "\(shell.errors)")
        let types = shell.text.split(separator: "\n").map(String.init)
        let expected = [
            "log.created", "customer.created", "key.issued", "usage.tick", "session.created", "session.executing",
            "session.executed", "verification_key.published", "session.destroyed", "proof.issued",
        ]
        #expect(types == expected.map { "\"\($0)\"" })
        #expect(await server.stop() == 0)
    }

    @Test("a Python script of its own finds the same root and signature, and fails when any byte is flipped")
    func independentVerification() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        for number in 0..<25 { _ = try await server.signUp("you\(number)@company.com") }
        let live = try StockAuditor.verify(directory)
        #expect(live.status == 0 || live.text.contains("more were signed"), "\(live.text)\(live.errors)")
        #expect(await server.stop() == 0)

        let whole = try StockAuditor.verify(directory)
        #expect(whole.status == 0, "\(whole.text)\(whole.errors)")
        #expect(whole.text.contains("51 events") && whole.text.contains("the first 51 are signed"), "\(whole.text)")

        let segment = try #require(try directory.files().first { $0.path.hasSuffix(".jsonl.lz4") })
        let checkpoint = try #require(try directory.files().first { $0.path.hasSuffix("/log/checkpoint") })
        for (path, content) in [segment, checkpoint] {
            for _ in 0..<12 {
                var changed = content
                let offset = Int.random(in: 0..<content.count)
                // Headers and fillers are skipped by the stock tool: only what it decodes can show a change.
                guard path == checkpoint.path || isDecoded(offset, in: content) else { continue }
                changed[offset] ^= 1
                try changed.write(to: URL(filePath: path))
                let result = try StockAuditor.verify(directory)
                #expect(result.status != 0, "byte \(offset) of \(path) was flipped: \(result.text)")
                try content.write(to: URL(filePath: path))
            }
        }
        #expect(try StockAuditor.verify(directory).status == 0)
    }

    @Test("a log with one line changed, dropped, doubled or two exchanged is refused by the script")
    func changedLines() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        for number in 0..<5 { _ = try await server.signUp("you\(number)@company.com") }
        #expect(await server.stop() == 0)
        let lines = try directory.lines()
        #expect(try StockAuditor.verify(lines, directory).status == 0)
        var exchanged = lines
        exchanged.swapAt(3, 5)
        var dropped = lines
        dropped.remove(at: 4)
        let changed = lines.map { $0.replacing("\"tier\":\"free\"", with: "\"tier\":\"enterprise\"") }
        let doubled = lines + [lines[lines.count - 1]]
        for forged in [exchanged, dropped, changed, doubled, Array(lines.dropLast())] {
            #expect(forged != lines)
            #expect(try StockAuditor.verify(forged, directory).status == 1)
        }
    }

    @Test(
        "recompressed, and with rotated keys: the script finds the same root, and refuses a forged or missing rotation")
    func recompressedAndRotated() async throws {
        let directory = try TemporaryDirectory()
        let program = try BuiltPrograms.path("nrx-server")
        var firstKey: String?
        for round in 0..<2 {
            let server = try await ServerProcess.start(in: directory)
            for number in 0..<10 { _ = try await server.signUp("you\(round)-\(number)@company.com") }
            let rotated = try BuiltPrograms.run(
                program, ["admin", "rotate-log-key", "--json", "--data-dir", directory.path + "/data"])
            try #require(rotated.status == 0, "\(rotated.errors)")
            let answer = try JSONReader.read(Array(rotated.output))
            firstKey = try firstKey ?? #require(answer["old_verifier_key"]?.string)
            #expect(await server.stop() == 0)
        }
        let lines = try directory.lines()
        let before = try StockAuditor.verify(directory, key: firstKey)
        #expect(before.status == 0 && before.text.contains("under 3 keys"), "\(before.text)\(before.errors)")
        try recompress(directory)
        #expect(try directory.lines() == lines)
        let after = try StockAuditor.verify(directory, key: firstKey)
        #expect(after.status == 0 && after.text == before.text, "\(after.text)\(after.errors)")
        let place = try #require(lines.firstIndex { $0.contains("log.key_rotated") })
        var missing = lines
        missing.remove(at: place)
        var forged = lines
        forged[place] = lines[place].replacing("\"last_size\":", with: "\"last_size\":1")
        for changed in [missing, forged] { #expect(try StockAuditor.verify(changed, directory).status == 1) }
        // A key that the log never had.
        let stranger = try #require(firstKey).replacing("localhost", with: "elsewhere")
        #expect(try StockAuditor.verify(directory, key: stranger).status == 1)
    }

    /// Rewrites every segment as the server does in the background.
    private func recompress(_ directory: TemporaryDirectory) throws {
        let scan = try LogScanner(directory: directory.log).scan { _ in }
        let index = SegmentIndex(scan.segments)
        let recompressor = SegmentRecompressor(directory: directory.log, fileSystem: POSIXFileSystem())
        for segment in scan.segments {
            let sealed = SegmentIndex.Segment(
                name: segment.name, firstSequence: segment.firstSequence, treeBefore: segment.treeBefore,
                batches: segment.batchOffsets, isRecompressed: false)
            let before = segment.storedBytes
            _ = try index.recompress(sealed, with: recompressor, pace: { _ in true })
            let after = try POSIXFileSystem().open(directory.log + "/" + segment.name, .read).size()
            #expect(after < before, "\(segment.name) was not rewritten")
        }
    }

    // MARK: - Support

    /// Whether a byte belongs to an ordinary LZ4 frame, not to a skippable one (docs/log-format.md).
    private func isDecoded(_ offset: Int, in segment: Data) -> Bool {
        func number(_ position: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(segment[segment.startIndex + position + $1]) << (8 * $1) }
        }
        var batch = 0
        while batch + 40 <= segment.count, number(batch) == 0x184D_2A50 {
            let frame = batch + 8 + number(batch + 4)
            let end = frame + number(batch + 32)
            if (frame..<end).contains(offset) { return true }
            batch = end
        }
        return false
    }
}
