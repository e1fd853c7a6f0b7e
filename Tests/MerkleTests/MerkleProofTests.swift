import Merkle
import Testing

/// The tree written down once more, straight from RFC 6962 §2.1, to check the fast one against.
enum SlowTree {
    static func root(_ leaves: ArraySlice<Hash>) -> Hash {
        switch leaves.count {
        case 0: return Hash(of: [])
        case 1: return leaves[leaves.startIndex]
        default:
            var split = 1
            while split * 2 < leaves.count { split *= 2 }
            let middle = leaves.startIndex + split
            return Hash(of: [1] + root(leaves[..<middle]).bytes + root(leaves[middle...]).bytes)
        }
    }
}

@Suite("Merkle proofs")
struct MerkleProofTests {
    static let leaves = (0..<70).map { Hash(of: Array("leaf \($0)".utf8)) }
    private let leaves = Self.leaves
    private var source: LeafArray { LeafArray(leaves: leaves) }

    private func flips(of hash: Hash) -> [Hash] {
        (0..<256).compactMap { bit in
            var bytes = hash.bytes
            bytes[bit / 8] ^= 1 << (bit % 8)
            return Hash(bytes: bytes)
        }
    }

    @Test("the root of every size up to 70 is what the RFC's definition gives")
    func rootsOfAllSizes() {
        var tree = CompactRange()
        for size in 0...leaves.count {
            #expect(tree.root == SlowTree.root(leaves[..<size]))
            #expect(CompactRange(size: UInt64(size), nodes: tree.nodes) == tree, "a tree continues from its nodes")
            if size < leaves.count { tree.append(leaves[size]) }
        }
    }

    @Test("a growing tree reports each subtree it completes, once, with its root")
    func reportsCompletedSubtrees() {
        var tree = CompactRange()
        var seen: Set<[UInt64]> = []
        for leaf in leaves {
            tree.append(leaf) { height, index, root in
                #expect(seen.insert([UInt64(height), index]).inserted)
                #expect(root == source.node(height: height, index: index))
            }
        }
        #expect(seen.count == (0..<7).map { leaves.count >> $0 }.reduce(0, +))
    }

    @Test("every leaf of every size up to 40 is proven, and no other leaf, place, size or root with the same path")
    func inclusionOfAllSizes() {
        for size in 1...40 {
            let root = SlowTree.root(leaves[..<size])
            for index in 0..<size {
                let path = MerkleProof.inclusion(of: UInt64(index), size: UInt64(size), from: source)
                func holds(_ leaf: Hash, _ index: Int, _ size: Int, _ root: Hash, _ path: [Hash]) -> Bool {
                    MerkleProof.verifyInclusion(
                        of: leaf, at: UInt64(index), size: UInt64(size), root: root, path: path)
                }
                #expect(holds(leaves[index], index, size, root, path))
                #expect(!holds(leaves[index + 1], index, size, root, path))
                #expect(!holds(leaves[index], index, size, Hash.zero, path))
                #expect(!holds(leaves[index], index, size, root, path + [Hash.zero]))
                if !path.isEmpty { #expect(!holds(leaves[index], index, size, root, path.dropLast())) }
                for other in 0..<size where other != index {
                    #expect(!holds(leaves[index], other, size, root, path), "\(index) as \(other) of \(size)")
                }
                #expect(!holds(leaves[index], size, size, root, path), "an index beyond the tree")
            }
        }
    }

    @Test("every pair of sizes up to 40 is consistent, and with another root on either side it is not")
    func consistencyOfAllSizes() {
        for size in 1...40 {
            let root = SlowTree.root(leaves[..<size])
            for oldSize in 1...size {
                let oldRoot = SlowTree.root(leaves[..<oldSize])
                let path = MerkleProof.consistency(from: UInt64(oldSize), to: UInt64(size), in: source)
                func holds(_ oldRoot: Hash, _ root: Hash, _ path: [Hash]) -> Bool {
                    MerkleProof.verifyConsistency(
                        from: UInt64(oldSize), root: oldRoot, to: UInt64(size), root: root, path: path)
                }
                #expect(holds(oldRoot, root, path))
                #expect(!holds(Hash.zero, root, path))
                #expect(!holds(oldRoot, Hash.zero, path))
                #expect(!holds(oldRoot, root, path + [Hash.zero]))
                if !path.isEmpty { #expect(!holds(oldRoot, root, path.dropLast())) }
            }
        }
    }

    @Test(
        "every flipped bit of an inclusion proof is refused",
        arguments: [(0, 1), (0, 2), (6, 7), (3, 7), (12, 13), (63, 64), (64, 65)])
    func inclusionBitFlips(index: Int, size: Int) {
        let root = SlowTree.root(leaves[..<size])
        let path = MerkleProof.inclusion(of: UInt64(index), size: UInt64(size), from: source)
        func holds(_ leaf: Hash, _ root: Hash, _ path: [Hash]) -> Bool {
            MerkleProof.verifyInclusion(of: leaf, at: UInt64(index), size: UInt64(size), root: root, path: path)
        }
        #expect(holds(leaves[index], root, path))
        for flipped in flips(of: leaves[index]) { #expect(!holds(flipped, root, path)) }
        for flipped in flips(of: root) { #expect(!holds(leaves[index], flipped, path)) }
        for place in path.indices {
            for flipped in flips(of: path[place]) {
                var changed = path
                changed[place] = flipped
                #expect(!holds(leaves[index], root, changed))
            }
        }
    }

    @Test(
        "every flipped bit of a consistency proof is refused",
        arguments: [(1, 2), (3, 7), (4, 7), (6, 8), (8, 64), (33, 70)])
    func consistencyBitFlips(oldSize: Int, size: Int) {
        let (oldRoot, root) = (SlowTree.root(leaves[..<oldSize]), SlowTree.root(leaves[..<size]))
        let path = MerkleProof.consistency(from: UInt64(oldSize), to: UInt64(size), in: source)
        func holds(_ oldRoot: Hash, _ root: Hash, _ path: [Hash]) -> Bool {
            MerkleProof.verifyConsistency(
                from: UInt64(oldSize), root: oldRoot, to: UInt64(size), root: root, path: path)
        }
        #expect(holds(oldRoot, root, path))
        for flipped in flips(of: oldRoot) { #expect(!holds(flipped, root, path)) }
        for flipped in flips(of: root) { #expect(!holds(oldRoot, flipped, path)) }
        for place in path.indices {
            for flipped in flips(of: path[place]) {
                var changed = path
                changed[place] = flipped
                #expect(!holds(oldRoot, root, changed))
            }
        }
    }

    @Test("the empty tree: everything extends it, nothing is in it, and its root is SHA-256 of nothing")
    func emptyTree() {
        #expect(TreeHasher.emptyRoot.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let root = SlowTree.root(leaves[..<5])
        #expect(MerkleProof.verifyConsistency(from: 0, root: TreeHasher.emptyRoot, to: 5, root: root, path: []))
        #expect(!MerkleProof.verifyConsistency(from: 0, root: Hash.zero, to: 5, root: root, path: []))
        #expect(!MerkleProof.verifyConsistency(from: 0, root: TreeHasher.emptyRoot, to: 5, root: root, path: [root]))
        #expect(!MerkleProof.verifyConsistency(from: 5, root: root, to: 4, root: root, path: []))
        #expect(!MerkleProof.verifyInclusion(of: leaves[0], at: 0, size: 0, root: TreeHasher.emptyRoot, path: []))
    }

    @Test("a tree refuses to continue from a number of nodes that does not fit its size")
    func refusesMisfitNodes() {
        #expect(CompactRange(size: 3, nodes: [leaves[0]]) == nil)
        #expect(CompactRange(size: 4, nodes: [leaves[0], leaves[1]]) == nil)
    }
}
