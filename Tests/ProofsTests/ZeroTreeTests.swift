import Merkle
@testable import Proofs
import Testing

@Suite("The tree over zero blocks")
struct ZeroTreeTests {
    @Test("has the root that a tree grown block by block has")
    func matchesGrownTree() {
        let block = [UInt8](repeating: 0, count: 4096)
        let leaf = block.withUnsafeBytes { TreeHasher.leaf($0) }
        var tree = CompactRange()
        for blocks in Int64(0)...300 {
            #expect(ZeroTree.root(blocks: blocks) == tree.root)
            tree.append(leaf)
        }
        while tree.size < 16_385 { tree.append(leaf) }
        #expect(ZeroTree.root(blocks: 16_385) == tree.root)
    }

    @Test("answers for the largest number a proof can hold")
    func answersForTheLargest() {
        #expect(ZeroTree.root(blocks: (1 << 53) - 1) != ZeroTree.root(blocks: 1 << 53))
        #expect(ZeroTree.root(blocks: .max) != ZeroTree.root(blocks: .max - 1))
    }
}
