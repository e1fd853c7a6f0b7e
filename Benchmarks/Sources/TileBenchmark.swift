import EventStore
import Foundation
import Merkle

/// Inclusion proofs from the tiles of a large tree: how long one takes, and how many tiles it reads.
enum TileBenchmark {
    /// What a proof may take (docs/benchmarks.md), in milliseconds.
    private static let targetMilliseconds = 5.0
    private static let chunkEvents = 1 << 16

    /// - Parameter events: leaves of the tree; the tiles take 67 bytes each on disk.
    static func measure(in directory: String, events: Int, proofs: Int) throws -> (rows: [Table.Row], note: String) {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let tree = TileTree(directory: directory)
        var range = CompactRange()
        var generator = SystemRandomNumberGenerator()
        while range.size < UInt64(events) {
            let count = min(chunkEvents, events - Int(range.size))
            // The tree's shape and cost do not depend on what is in it: a counter makes the commitments.
            let first = range.size
            try tree.append(
                (0..<count).map { offset in
                    withUnsafeBytes(of: first + UInt64(offset)) { Hash(of: UnsafeRawBufferPointer($0)) }
                }, to: &range)
        }
        let (size, root) = (range.size, range.root)
        let clock = ContinuousClock()
        var milliseconds: [Double] = []
        var tilesMax = 0
        for _ in 0..<proofs {
            let index = UInt64.random(in: 0..<size, using: &generator)
            let source = ProofTiles(of: tree)
            let start = clock.now
            let path = try MerkleProof.inclusion(of: index, size: size, from: source)
            milliseconds.append(start.duration(to: clock.now).inSeconds * 1000)
            tilesMax = max(tilesMax, source.tileCount)
            let leaf = try source.node(height: 0, index: index)
            guard MerkleProof.verifyInclusion(of: leaf, at: index, size: size, root: root, path: path) else {
                throw BenchmarkError("the proof of event \(index) does not verify")
            }
        }
        milliseconds.sort()
        let (median, slowest) = (milliseconds[proofs / 2], milliseconds[proofs * 99 / 100])
        let row = Table.Row(
            name: "inclusion proof, \(events / 1_000_000) M events, 99 of 100", ours: decimal(slowest) + " ms",
            peer: "target", theirs: decimal(targetMilliseconds) + " ms", ratio: slowest / targetMilliseconds,
            target: .atMost(1))
        return (
            [row],
            "inclusion proofs: \(proofs) random ones from \(size) events, median \(decimal(median)) ms, slowest"
                + " \(decimal(milliseconds[proofs - 1])) ms, \(tilesMax) tiles read at most (8 KiB each), nothing else"
        )
    }
}
