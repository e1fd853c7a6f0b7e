/// The right edge of a growing RFC 6962 tree: one hash per complete subtree, largest first. Enough to append leaves
/// and to know the root, in at most 64 hashes of memory.
///
/// ```swift
/// var tree = CompactRange()
/// tree.append(TreeHasher.leaf(commitment))
/// tree.root
/// ```
public struct CompactRange: Sendable, Equatable {
    /// Number of leaves.
    public private(set) var size: UInt64 = 0
    /// Roots of the complete subtrees, from the largest (leftmost) to the smallest.
    public private(set) var nodes: [Hash] = []

    /// A tree without leaves.
    public init() {}

    /// Continues a tree of `size` leaves whose complete subtrees are `nodes`; nil when their number does not fit.
    public init?(size: UInt64, nodes: [Hash]) {
        guard nodes.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.nodes = nodes
    }

    /// Adds one leaf. Amortised one node hash.
    ///
    /// - Parameters:
    ///   - leaf: the leaf *hash*.
    ///   - completed: called for every subtree that this leaf completes, itself (height 0) first, with the height, the
    ///     subtree's index among those of its height, and its root.
    public mutating func append(
        _ leaf: Hash, completed: (_ height: Int, _ index: UInt64, _ root: Hash) -> Void = { _, _, _ in }
    ) {
        var node = leaf
        var height = 0
        completed(0, size, node)
        while size >> height & 1 == 1 {
            node = TreeHasher.node(nodes.removeLast(), node)
            height += 1
            completed(height, size >> height, node)
        }
        nodes.append(node)
        size += 1
    }

    /// The root over all leaves; of no leaves, SHA-256 of nothing.
    public var root: Hash {
        guard var result = nodes.last else { return TreeHasher.emptyRoot }
        for node in nodes.dropLast().reversed() { result = TreeHasher.node(node, result) }
        return result
    }
}
