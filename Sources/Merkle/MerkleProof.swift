/// Where the hashes of complete subtrees come from: tiles on disk, an array in a test.
public protocol NodeSource {
    associatedtype Failure: Error
    /// The root of the `index`th complete subtree of 2^`height` leaves.
    func node(height: Int, index: UInt64) throws(Failure) -> Hash
}

/// Inclusion and consistency proofs of RFC 6962 §2.1.1 and §2.1.2.
public enum MerkleProof {
    /// The audit path of leaf `index` in the tree of the first `size` leaves. Reads O(log²) complete subtrees.
    ///
    /// - Precondition: `index < size`, and `source` holds `size` leaves.
    public static func inclusion<S: NodeSource>(of index: UInt64, size: UInt64, from source: S) throws(S.Failure)
        -> [Hash]
    {
        precondition(index < size)
        var path: [Hash] = []
        var start: UInt64 = 0
        var count = size
        while count > 1 {
            let split = largestPowerOfTwo(below: count)
            if index - start < split {
                path.append(try root(start: start + split, count: count - split, from: source))
                count = split
            } else {
                path.append(try root(start: start, count: split, from: source))
                start += split
                count -= split
            }
        }
        return path.reversed()
    }

    /// The proof that the tree of `size` leaves extends the tree of its first `oldSize` leaves.
    ///
    /// - Precondition: `0 < oldSize <= size`.
    public static func consistency<S: NodeSource>(from oldSize: UInt64, to size: UInt64, in source: S)
        throws(S.Failure) -> [Hash]
    {
        precondition(oldSize > 0 && oldSize <= size)
        var path: [Hash] = []
        var start: UInt64 = 0
        var count = size
        var old = oldSize
        var isWholeOldTree = true
        while old != count {
            let split = largestPowerOfTwo(below: count)
            if old <= split {
                path.append(try root(start: start + split, count: count - split, from: source))
                count = split
            } else {
                path.append(try root(start: start, count: split, from: source))
                start += split
                old -= split
                count -= split
                isWholeOldTree = false
            }
        }
        if !isWholeOldTree { path.append(try root(start: start, count: count, from: source)) }
        return path.reversed()
    }

    /// The root of `count` leaves from `start`, where `start` is a multiple of the enclosing power of two.
    public static func root<S: NodeSource>(start: UInt64, count: UInt64, from source: S) throws(S.Failure) -> Hash {
        guard count > 0 else { return TreeHasher.emptyRoot }
        if count.nonzeroBitCount == 1 {
            let height = count.trailingZeroBitCount
            return try source.node(height: height, index: start >> height)
        }
        let split = largestPowerOfTwo(below: count)
        let left = try root(start: start, count: split, from: source)
        let right = try root(start: start + split, count: count - split, from: source)
        return TreeHasher.node(left, right)
    }

    /// Whether `path` proves that `leaf` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162 §2.1.3.2).
    public static func verifyInclusion(of leaf: Hash, at index: UInt64, size: UInt64, root: Hash, path: [Hash]) -> Bool
    {
        guard index < size else { return false }
        var node = leaf
        var position = index
        var last = size - 1
        for sibling in path {
            if last == 0 { return false }
            if position & 1 == 1 || position == last {
                node = TreeHasher.node(sibling, node)
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                node = TreeHasher.node(node, sibling)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && node == root
    }

    /// Whether `path` proves that the tree (`size`, `root`) extends (`oldSize`, `oldRoot`) (RFC 9162 §2.1.4.2).
    /// Every tree extends the empty one, whose root is SHA-256 of nothing.
    public static func verifyConsistency(
        from oldSize: UInt64, root oldRoot: Hash, to size: UInt64, root: Hash, path: [Hash]
    ) -> Bool {
        if oldSize > size { return false }
        if oldSize == size { return path.isEmpty && oldRoot == root }
        if oldSize == 0 { return path.isEmpty && oldRoot == TreeHasher.emptyRoot }
        var remaining = path[...]
        guard let first = oldSize.nonzeroBitCount == 1 ? oldRoot : remaining.popFirst() else { return false }
        var position = oldSize - 1
        var last = size - 1
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        var oldNode = first
        var node = first
        for sibling in remaining {
            if last == 0 { return false }
            if position & 1 == 1 || position == last {
                oldNode = TreeHasher.node(sibling, oldNode)
                node = TreeHasher.node(sibling, node)
                while position & 1 == 0 && position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                node = TreeHasher.node(node, sibling)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && oldNode == oldRoot && node == root
    }

    private static func largestPowerOfTwo(below count: UInt64) -> UInt64 {
        1 << (63 - (count - 1).leadingZeroBitCount)
    }
}
