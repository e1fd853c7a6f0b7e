import CanonicalJSON
import Foundation
import Merkle
import Testing

/// `fixtures/vectors/merkle.json`, made by an independent script.
struct MerkleVectors {
    let lines: [String]
    let commitments: [Hash]
    let leaves: [Hash]
    let roots: [Hash]
    let inclusion: [Int: [Hash]]
    let consistency: [(from: Int, to: Int, path: [Hash])]

    init() throws {
        let file = try JSONReader.read(Fixtures.bytes("vectors/merkle.json"))
        func hashes(_ name: String) throws -> [Hash] {
            try #require(file[name]?.array).map { value in try #require(value.string.flatMap { Hash(hex: $0) }) }
        }
        func path(_ value: JSONValue) throws -> [Hash] {
            try #require(value.array).map { element in
                let data = try #require(element.string.flatMap { Data(base64Encoded: $0) })
                return try #require(Hash(bytes: Array(data)))
            }
        }
        lines = try #require(file["lines"]?.array).compactMap(\.string)
        commitments = try hashes("commitments_hex")
        leaves = try hashes("leaf_hashes_hex")
        roots = try hashes("roots_hex_by_size")
        var inclusion: [Int: [Hash]] = [:]
        for member in try #require(file["inclusion_size_7"]?.object).members {
            inclusion[try #require(Int(member.name))] = try path(member.value)
        }
        self.inclusion = inclusion
        var consistency: [(from: Int, to: Int, path: [Hash])] = []
        for member in try #require(file["consistency"]?.object).members {
            let sizes = member.name.split(separator: "->").compactMap { Int($0) }
            consistency.append((sizes[0], sizes[1], try path(member.value)))
        }
        self.consistency = consistency
    }
}

/// Complete subtrees of leaves held in memory.
struct LeafArray: NodeSource {
    let leaves: [Hash]

    func node(height: Int, index: UInt64) -> Hash {
        if height == 0 { return leaves[Int(index)] }
        return TreeHasher.node(
            node(height: height - 1, index: index * 2), node(height: height - 1, index: index * 2 + 1))
    }
}

@Suite("The Merkle tree matches the golden vectors")
struct MerkleVectorTests {
    let vectors: MerkleVectors

    init() throws { vectors = try MerkleVectors() }

    @Test("from lines to commitments to leaf hashes")
    func leafHashes() {
        #expect(vectors.lines.map { Hash(of: Array($0.utf8)) } == vectors.commitments)
        #expect(vectors.commitments.map { TreeHasher.leaf($0) } == vectors.leaves)
        #expect(
            vectors.commitments.map { commitment in commitment.bytes.withUnsafeBytes { TreeHasher.leaf($0) } }
                == vectors.leaves)
    }

    @Test("in the root of every size, grown leaf by leaf and computed from subtrees")
    func roots() {
        var tree = CompactRange()
        #expect(tree.root == vectors.roots[0])
        for (index, leaf) in vectors.leaves.enumerated() {
            tree.append(leaf)
            #expect(tree.root == vectors.roots[index + 1])
            let source = LeafArray(leaves: vectors.leaves)
            #expect(MerkleProof.root(start: 0, count: UInt64(index + 1), from: source) == vectors.roots[index + 1])
        }
    }

    @Test("in every inclusion proof of size 7")
    func inclusionProofs() {
        #expect(vectors.inclusion.count == 7)
        let source = LeafArray(leaves: vectors.leaves)
        for (index, path) in vectors.inclusion {
            #expect(MerkleProof.inclusion(of: UInt64(index), size: 7, from: source) == path)
            #expect(
                MerkleProof.verifyInclusion(
                    of: vectors.leaves[index], at: UInt64(index), size: 7, root: vectors.roots[7], path: path))
        }
    }

    @Test("in every consistency proof")
    func consistencyProofs() {
        #expect(vectors.consistency.count == 21)
        let source = LeafArray(leaves: vectors.leaves)
        for (from, to, path) in vectors.consistency {
            #expect(MerkleProof.consistency(from: UInt64(from), to: UInt64(to), in: source) == path)
            #expect(
                MerkleProof.verifyConsistency(
                    from: UInt64(from), root: vectors.roots[from], to: UInt64(to), root: vectors.roots[to], path: path))
        }
    }
}
