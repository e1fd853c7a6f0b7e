import CanonicalJSON
public import EventStore
import Merkle

/// Makes the inclusion proof of an event from a log's own files, without a server and without its tiles.
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

    /// The proof that event `sequence` is in the log, under the checkpoint beside it. Reads and verifies the whole log;
    /// memory is that of one reading.
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
        let gathered = try gather(sequence, size: checkpoint.head.size, progress: progress)
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

    private struct Gathered {
        var nodes: NeededNodes
        var line: [UInt8]?
        var damage: String?
    }

    private func gather(
        _ sequence: UInt64, size: UInt64, progress: (ScanProgress) -> Void
    ) throws(AuditorError) -> Gathered {
        var gathered = Gathered(nodes: NeededNodes(of: sequence, size: size))
        var tree = CompactRange()
        let scanner = LogScanner(directory: directory)
        let selection = EventSelection(from: sequence, to: sequence)
        do {
            var meter = try ScanProgress(scanner)
            let scan = try scanner.scanInParallel {
                selection.lines(of: $0)
            } visit: { batch, lines in
                for leaf in batch.leaves { tree.append(leaf) { gathered.nodes.offer(height: $0, index: $1, root: $2) } }
                if let line = lines.chosen.first { gathered.line = line.bytes }
                meter.add(batch.header)
                progress(meter)
            }
            gathered.damage = scan.damage?.description
            return gathered
        } catch let error as EventLogError {
            throw AuditorError(error)
        } catch let error as AuditorError {
            throw error
        } catch {
            throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }
}

/// The few complete subtrees that an audit path is made of, kept as the tree grows past them.
struct NeededNodes: NodeSource {
    private struct Place: Hashable {
        let height: Int
        let index: UInt64
    }

    /// Learns which subtrees a path asks for.
    private final class Recorder: NodeSource {
        var places: Set<Place> = []

        func node(height: Int, index: UInt64) throws(Never) -> Hash {
            places.insert(Place(height: height, index: index))
            return .zero
        }
    }

    private let needed: Set<Place>
    private var nodes: [Place: Hash] = [:]

    init(of leaf: UInt64, size: UInt64) {
        let recorder = Recorder()
        _ = MerkleProof.inclusion(of: leaf, size: size, from: recorder)
        needed = recorder.places
    }

    mutating func offer(height: Int, index: UInt64, root: Hash) {
        let place = Place(height: height, index: index)
        if needed.contains(place) { nodes[place] = root }
    }

    func node(height: Int, index: UInt64) throws(Never) -> Hash {
        // A subtree that the log never completed makes a path that does not verify, which the prover checks.
        nodes[Place(height: height, index: index)] ?? .zero
    }
}
