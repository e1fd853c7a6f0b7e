import Testing

@testable import API

@Suite("Random numbers drawn in batches")
struct RandomBatchTests {
    @Test("no number comes twice, within a batch, across batches and between generators")
    func distinct() {
        var numbers: Set<UInt64> = []
        for _ in 0..<50 {
            var generator = RandomBatch()
            for _ in 0..<100 { numbers.insert(generator.next()) }
        }
        #expect(numbers.count == 5_000)
    }

    @Test("as many bytes come as were asked for, and none of them is fixed", arguments: [0, 1, 8, 32, 33, 1_000])
    func bytes(count: Int) {
        var generator = RandomBatch()
        var seen = [Set<UInt8>](repeating: [], count: count)
        for _ in 0..<64 {
            let bytes = generator.bytes(count)
            #expect(bytes.count == count)
            for (index, byte) in bytes.enumerated() { seen[index].insert(byte) }
        }
        #expect(seen.allSatisfy { $0.count > 1 })
    }
}
