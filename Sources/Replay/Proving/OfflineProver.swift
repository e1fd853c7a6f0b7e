import CanonicalJSON
public import EventStore
import Merkle

/// Makes the inclusion proof of an event from a log's own files, without a server: from its tiles, or where these do not lead
/// to the checkpoint's root, from all of its events.
///
/// ```swift
/// let proof = try OfflineProver(directory: "data/log").prove(17)
/// try proof.verify(line: proof.extra!, key: verifierKey)
/// ```
public struct OfflineProver: Sendable {
    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// What came of it.
    public enum Outcome: Sendable {
        case proven(InclusionProof)
        /// Why there is no proof: the log does not say what its checkpoint says, or does not reach the event.
        case failed(String)
    }

    /// The proof that event `sequence` is in the log, under the checkpoint beside it. Reads a few tiles and one batch; where
    /// tiles are missing or wrong, reads and verifies the whole log, with the memory of one reading.
    ///
    /// - Throws: ``AuditorError`` when the log or its checkpoint cannot be read.
    public func prove(
        _ sequence: UInt64, progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) -> Outcome {
        guard let own = try InputFiles.ownCheckpoint(of: directory) else {
            return .failed("there is no checkpoint beside the segments: a proof needs one to lead to")
        }
        let checkpoint: Checkpoint
        do throws(NoteError) { checkpoint = try own.get() } catch {
            return .failed("the checkpoint cannot be read: \(error)")
        }
        guard sequence < checkpoint.head.size else {
            return .failed(
                "the checkpoint covers \(checkpoint.head.size) events, and event \(sequence) is not among them yet")
        }
        if let proof = proveFromTiles(sequence, under: checkpoint) { return .proven(proof) }
        let needed = NeededNodes { _ = MerkleProof.inclusion(of: sequence, size: checkpoint.head.size, from: $0) }
        let gathered = try needed.gather(from: directory, lineOf: sequence, progress: progress)
        if let damage = gathered.damage { return .failed("the log is damaged: \(damage)") }
        let path = MerkleProof.inclusion(of: sequence, size: checkpoint.head.size, from: gathered.nodes)
        let proof = InclusionProof(index: sequence, path: path, checkpoint: checkpoint, extra: gathered.line)
        guard let line = gathered.line,
            MerkleProof.verifyInclusion(
                of: TreeHasher.leaf(Hash(of: line)), at: sequence, size: checkpoint.head.size,
                root: checkpoint.head.root, path: path)
        else { return .failed("the log's events do not lead to the root in its checkpoint; audit the log") }
        return .proven(proof)
    }

    /// The proof from tiles; nil where they, or the event's batch, do not lead to the checkpoint's root. What is wrong then,
    /// the reading of the whole log tells.
    private func proveFromTiles(_ sequence: UInt64, under checkpoint: Checkpoint) -> InclusionProof? {
        let head = checkpoint.head
        do throws(EventLogError) {
            guard let tree = try TileTree.stored(in: directory, size: head.size),
                let line = try EventFinder(directory: directory).line(of: sequence)
            else { return nil }
            let path = try MerkleProof.inclusion(of: sequence, size: head.size, from: ProofTiles(of: tree))
            let isRight = MerkleProof.verifyInclusion(
                of: TreeHasher.leaf(Hash(of: line)), at: sequence, size: head.size, root: head.root, path: path)
            return isRight ? InclusionProof(index: sequence, path: path, checkpoint: checkpoint, extra: line) : nil
        } catch { return nil }
    }
}
