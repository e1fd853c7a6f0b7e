import EventStore
import Merkle

/// Learns which complete subtrees a proof asks for.
final class NodeRecorder: NodeSource {
    fileprivate var places: Set<NeededNodes.Place> = []

    func node(height: Int, index: UInt64) throws(Never) -> Hash {
        places.insert(NeededNodes.Place(height: height, index: index))
        return .zero
    }
}

/// The few complete subtrees that a proof is made of, kept as the tree grows past them.
struct NeededNodes: NodeSource {
    fileprivate struct Place: Hashable {
        let height: Int
        let index: UInt64
    }

    /// What one reading of a log found.
    struct Gathered {
        var nodes: NeededNodes
        /// The line that was asked for.
        var line: [UInt8]?
        var damage: String?
    }

    private let needed: Set<Place>
    private var nodes: [Place: Hash] = [:]

    /// - Parameter ask: makes the proof from a source that only takes note of what is asked.
    init(_ ask: (NodeRecorder) -> Void) {
        let recorder = NodeRecorder()
        ask(recorder)
        needed = recorder.places
    }

    private mutating func offer(height: Int, index: UInt64, root: Hash) {
        let place = Place(height: height, index: index)
        if needed.contains(place) { nodes[place] = root }
    }

    func node(height: Int, index: UInt64) throws(Never) -> Hash {
        // A subtree that the log never completed makes a proof that does not verify, which the prover checks.
        nodes[Place(height: height, index: index)] ?? .zero
    }

    /// Reads and verifies the whole log in `directory`; memory is that of one reading.
    ///
    /// - Parameter sequence: the event whose line is wanted, too.
    func gather(
        from directory: String, lineOf sequence: UInt64? = nil, progress: (ScanProgress) -> Void
    ) throws(AuditorError) -> Gathered {
        var gathered = Gathered(nodes: self)
        var tree = CompactRange()
        let scanner = LogScanner(directory: directory)
        // From 1 to 0 is nothing.
        let selection = EventSelection(from: sequence ?? 1, to: sequence ?? 0)
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
