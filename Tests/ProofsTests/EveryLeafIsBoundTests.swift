import CanonicalJSON
@testable import Proofs
import Testing

@Suite("Every leaf of a proof is bound")
struct EveryLeafIsBoundTests {
    private let verifier = ProofVerifier(acceptsMissingLayers: true)

    private func isAccepted(_ document: JSONValue) -> Bool { verifier.verdict(on: document)?.isValid == true }

    @Test("changing any leaf, to anything, makes verification fail")
    func changedLeaves() throws {
        let golden = try GoldenProof.document()
        var leaves = 0
        for path in golden.paths {
            let value = golden.value(at: path)
            guard value.isLeaf else { continue }
            leaves += 1
            for changed in value.otherLeaves {
                #expect(!isAccepted(golden.replacing(path, with: changed)), "\(path) from \(value) to \(changed)")
            }
        }
        #expect(leaves == 127, "the walk must reach every leaf of the golden proof")
    }

    @Test("removing any member or element makes verification fail")
    func removedMembers() throws {
        let golden = try GoldenProof.document()
        for path in golden.paths where !path.isEmpty {
            #expect(!isAccepted(golden.replacing(path, with: nil)), "without \(path)")
        }
    }

    @Test("adding a member to any object, or an element to any array, makes verification fail")
    func addedMembers() throws {
        let golden = try GoldenProof.document()
        var containers = 0
        for path in golden.paths {
            switch golden.value(at: path) {
            case .object(let object):
                containers += 1
                for name in ["", "a", "step", "note", "zzz", "\u{FFFF}"] where object[name] == nil {
                    for value in [JSONValue.null, 1, "x", [], [:]] {
                        var extended = object
                        extended[name] = value
                        #expect(!isAccepted(golden.replacing(path, with: .object(extended))), "\(path) with \(name)")
                    }
                }
            case .array(let elements):
                containers += 1
                for value in [JSONValue.null, 1, "", elements.first ?? "x", elements.last ?? "y"] {
                    for place in 0...elements.count {
                        var extended = elements
                        extended.insert(value, at: place)
                        #expect(!isAccepted(golden.replacing(path, with: .array(extended))), "\(path) with \(value)")
                    }
                }
            default: break
            }
        }
        #expect(containers == 40, "the walk must reach every container of the golden proof")
    }

    @Test("renaming any member, or exchanging any two neighbours of an array, makes verification fail")
    func renamedAndMoved() throws {
        let golden = try GoldenProof.document()
        for path in golden.paths {
            switch golden.value(at: path) {
            case .object(let object):
                for member in object.members {
                    var renamed = object
                    renamed[member.name] = nil
                    renamed[member.name.uppercased() + "_"] = member.value
                    #expect(!isAccepted(golden.replacing(path, with: .object(renamed))))
                }
            case .array(let elements):
                for index in elements.indices.dropLast() where elements[index] != elements[index + 1] {
                    var moved = elements
                    moved.swapAt(index, index + 1)
                    #expect(!isAccepted(golden.replacing(path, with: .array(moved))))
                }
            default: break
            }
        }
    }

    @Test("flipping any one bit of the text makes verification fail", arguments: 0..<8)
    func flippedBits(bit: Int) throws {
        let text = try GoldenProof.document().canonicalBytes
        #expect(try verifier.verify(text).isValid)
        for index in text.indices {
            var flipped = text
            flipped[index] ^= 1 << bit
            #expect((try? verifier.verify(flipped))?.isValid != true, "bit \(bit) of byte \(index)")
        }
    }

    @Test("leaving out or doubling any one byte, or cutting the text anywhere, makes verification fail")
    func removedAndDoubledBytes() throws {
        let text = try GoldenProof.document().canonicalBytes
        for index in text.indices {
            var shorter = text
            shorter.remove(at: index)
            #expect((try? verifier.verify(shorter))?.isValid != true, "without byte \(index)")
            var longer = text
            longer.insert(text[index], at: index)
            #expect((try? verifier.verify(longer))?.isValid != true, "byte \(index) twice")
            #expect((try? verifier.verify(Array(text[..<index]))) == nil, "the first \(index) bytes")
        }
    }
}
