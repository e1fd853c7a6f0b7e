import Testing

@testable import Merkle

@Suite("SHA-256 by the processor's own instructions")
struct SHA256Tests {
    @Test(
        "gives the library's hashes, for every length around the ends of blocks and wherever in memory the message begins",
        .enabled(if: ProcessorSHA256.isAvailable))
    func agreesWithLibrary() {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<10_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes.withUnsafeBytes { memory in
            for length in Array(0...300) + [511, 512, 513, 4_095, 4_096, 4_097, 9_900] {
                for start in [0, 1, 3, 8, 63] {
                    let message = UnsafeRawBufferPointer(rebasing: memory[start..<(start + length)])
                    #expect(ProcessorSHA256.hash(message) == LibrarySHA256.hash(message), "\(length) bytes at \(start)")
                }
            }
        }
        #expect(ProcessorSHA256.hash(UnsafeRawBufferPointer(start: nil, count: 0)) == TreeHasher.emptyRoot)
    }

    @Test("gives the library's leaves and nodes", .enabled(if: ProcessorSHA256.isAvailable))
    func agreesOnTheTree() {
        var previous = Hash(of: Array("a".utf8))
        for number in 0..<1_000 {
            let next = Hash(of: Array("\(number)".utf8))
            #expect(ProcessorSHA256.leaf(next) == next.withUnsafeBytes { LibrarySHA256.leaf($0) })
            #expect(ProcessorSHA256.node(previous, next) == LibrarySHA256.node(previous, next))
            previous = next
        }
    }

    @Test("both know the vectors of FIPS 180-4")
    func knowsVectors() throws {
        let vectors = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ]
        for (text, hex) in vectors {
            let expected = try #require(Hash(hex: hex))
            #expect(Hash(of: Array(text.utf8)) == expected)
            #expect(Array(text.utf8).withUnsafeBytes { LibrarySHA256.hash($0) } == expected)
        }
    }
}
