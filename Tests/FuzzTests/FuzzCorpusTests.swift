import Foundation
import FuzzTargets
import Testing

@Suite("Cases that fuzzing kept, run again")
struct FuzzCorpusTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures/fuzz")

    @Test(
        "no file of a target's corpus traps or breaks a promise, and its verdict is always the same",
        arguments: FuzzTarget.allCases)
    func corpus(target: FuzzTarget) throws {
        let directory = Self.corpus.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty, "there is no corpus in \(directory.path)")
        var verdicts: Set<FuzzTarget.Verdict> = []
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            do {
                let verdict = try target.run(bytes)
                #expect(try target.run(bytes) == verdict, "\(file.lastPathComponent)")
                verdicts.insert(verdict)
            } catch { Issue.record("\(file.path): \(error)") }
        }
        // A corpus on which the reader always says the same would not notice a reader that says only that.
        #expect(verdicts == [.accepted, .refused])
    }

    @Test(
        "every file with one byte flipped, and cut at every length, is judged without a trap",
        arguments: FuzzTarget.allCases)
    func mutations(target: FuzzTarget) throws {
        let directory = Self.corpus.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        for file in files.sorted(by: { $0.path < $1.path }).prefix(20) {
            let bytes = Array(try Data(contentsOf: file).prefix(2048))
            let step = target == .cdp || target == .segment ? 31 : 7
            for index in stride(from: 0, to: bytes.count, by: step) {
                var changed = bytes
                changed[index] ^= UInt8(1 << (index % 8))
                _ = try target.run(changed)
                _ = try target.run(Array(bytes[..<index]))
            }
        }
    }
}
