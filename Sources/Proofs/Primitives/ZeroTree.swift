public import Merkle

/// The RFC 6962 tree over blocks of zeros: what a workspace reads back as once it was wiped.
public enum ZeroTree {
    /// Length of a block, in bytes.
    public static let blockBytes: Int64 = 4096

    /// Roots of the complete subtrees of 2^0, 2^1, … zero blocks, one for every bit of a block count.
    private static let completeRoots: [Hash] = {
        let block = [UInt8](repeating: 0, count: Int(blockBytes))
        var roots = [block.withUnsafeBytes { TreeHasher.leaf($0) }]
        while roots.count < Int64.bitWidth - 1 {
            roots.append(TreeHasher.node(roots[roots.count - 1], roots[roots.count - 1]))
        }
        return roots
    }()

    /// The root over `blocks` blocks of zeros. At most 62 hashes, whatever the number.
    ///
    /// - Parameter blocks: number of blocks of ``blockBytes`` bytes; not negative.
    public static func root(blocks: Int64) -> Hash {
        precondition(blocks >= 0)
        var result: Hash?
        for height in 0..<(Int64.bitWidth - 1) where blocks >> height & 1 == 1 {
            result = result.map { TreeHasher.node(completeRoots[height], $0) } ?? completeRoots[height]
        }
        return result ?? TreeHasher.emptyRoot
    }
}
