import Merkle
import Testing

@testable import Sandbox

@Suite("The tree of zero blocks")
struct ZeroTreeTests {
    @Test("Its root is what hashing each zero block gives", arguments: [Int64(0), 1, 2, 3, 7, 8, 100, 1_023])
    func sameAsBlockByBlock(blocks: Int64) {
        var tree = CompactRange()
        for _ in 0..<blocks { tree.append(ZeroTree.zeroLeaf) }
        #expect(ZeroTree.root(blocks: blocks) == tree.root)
    }
}
