import Merkle

/// The RFC 6962 tree over blocks that are all zero: what the tree over the wiped blocks must equal.
enum ZeroTree {
    static let blockBytes = 4_096

    static let zeroLeaf: Hash = [UInt8](repeating: 0, count: blockBytes).withUnsafeBytes { TreeHasher.leaf($0) }

    /// The root of `blocks` zero blocks, in O(log blocks) hashes.
    static func root(blocks: Int64) -> Hash {
        var nodes: [Hash] = []
        var node = zeroLeaf
        var rest = UInt64(max(blocks, 0))
        while rest > 0 {
            if rest & 1 == 1 { nodes.append(node) }
            node = TreeHasher.node(node, node)
            rest >>= 1
        }
        return CompactRange(size: UInt64(max(blocks, 0)), nodes: nodes.reversed())?.root ?? TreeHasher.emptyRoot
    }
}
