import EventStore
import Foundation
import Testing

@testable import Replay

@Suite("Consistency, offline")
struct ConsistencyProverTests {
    private func newest(_ log: TestLog) throws -> Checkpoint { try Checkpoint(text: log.directory.text("checkpoint")) }

    @Test("the proof made from the log's files checks without them, and only between these two checkpoints")
    func madeAndChecked() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        let new = try newest(log)
        let prover = ConsistencyProver(old: log.kept, new: new, verifierKey: log.verifierKey)
        let made = try prover.prove(from: log.path)
        #expect(made.status == .verified)
        let proof = try ConsistencyProof(text: made.text)
        #expect(prover.check(.success(proof)).status == .verified)
        #expect(ConsistencyProver(old: new, new: log.kept).check(.success(proof)).status == .failed)
        #expect(ConsistencyProver(old: new, new: new).check(.success(proof)).status == .failed)
        for index in proof.path.indices {
            var path = proof.path
            path[index] = proof.checkpoint.head.root
            let changed = ConsistencyProof(oldSize: proof.oldSize, path: path, checkpoint: proof.checkpoint)
            #expect(prover.check(.success(changed)).status == .failed, "hash \(index)")
        }
        let stranger = ConsistencyProver(old: log.kept, new: new, verifierKey: try TestSigner(seed: 9).verifierKey)
        #expect(stranger.check(.success(proof)).status == .failed)
    }

    @Test("two histories under one key have no proof, and that is said")
    func twoHistories() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { try Forgery.replace(#""region":"eu""#, by: #""region":"us""#, in: &$0) }
        try Forgery.sign(log, with: try TestSigner())
        let answer = try ConsistencyProver(old: log.kept, new: try newest(log)).prove(from: log.path)
        #expect(answer.status == .failed)
        #expect(answer.reason?.contains("two histories") == true)
    }

    @Test("the program makes, prints and checks; exit codes 0, 1 and 2")
    func program() async throws {
        let log = try await TestLog.make()
        try log.directory.write(Array(log.kept.text.utf8), to: "old.txt")
        let (old, new, proof) = (
            log.directory.file("old.txt"), log.directory.file("checkpoint"), log.directory.file("proof.txt")
        )
        let made = try Shell.replay(["consistency", old, new, "--log", log.path])
        #expect(made.status == 0)
        #expect(made.text.hasPrefix("old \(log.kept.head.size)\n"))
        try log.directory.write(made.output, to: "proof.txt")
        let key = log.verifierKey.description
        #expect(try Shell.replay(["consistency", old, new, "--proof", proof, "--log-key", key]).status == 0)
        #expect(try Shell.replay(["consistency", new, old, "--proof", proof]).status == 1)
        #expect(try Shell.replay(["consistency", old, new, "--proof", old]).status == 1)
        #expect(try Shell.replay(["consistency", old, new]).status == 2)
        #expect(try Shell.replay(["consistency", old, new, "--proof", proof, "--log", log.path]).status == 2)
    }
}
