import Foundation
import Merkle
import Testing

@testable import EventStore
@testable import FuzzTargets

/// The fuzzer reaches behind checksums only as far as these are made right.
@Suite("Repairing checksums for the fuzzer")
struct BatchRepairTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures/fuzz/batch/golden-first")

    private func isAccepted(_ bytes: [UInt8]) throws -> Bool {
        let verifier = try BatchVerifier()
        var growth = TreeGrowth()
        return bytes.withUnsafeBytes { (try? verifier.verify($0, grown: &growth)) != nil }
    }

    @Test("a whole batch is not changed; with wrong checksums, numbers or root it is made whole again")
    func repairs() throws {
        let whole = Array(try Data(contentsOf: Self.golden))
        let header = try BatchHeader(bytes: whole)
        let batch = Array(whole[..<header.batchBytes])
        try #require(try isAccepted(batch))
        let frame = BatchHeader.byteCount + header.paddingBytes
        for depth in BatchRepair.Depth.allCases { #expect(BatchRepair(batch, depth: depth).bytes == batch) }
        // Header and frame checksums, the content's and the block's.
        for offset in [BatchHeader.checksumOffset, frame + 14, batch.count - 1, batch.count - 9] {
            var broken = batch
            broken[offset] ^= 0x40
            #expect(try !isAccepted(broken), "byte \(offset)")
            let repair = BatchRepair(broken, depth: .checksums)
            #expect(repair.bytes == batch && repair.soundBatches == 0, "byte \(offset)")
        }
        // Sequence, count, text's length, tree size, root, signature, content size.
        for offset in [8, 16, 24, 28, 48, 60, frame + 6] {
            var broken = batch
            broken[offset] ^= 0x40
            #expect(try !isAccepted(broken), "byte \(offset)")
            let repair = BatchRepair(broken, depth: .everything)
            #expect(try isAccepted(repair.bytes) && repair.soundBatches == 1, "byte \(offset)")
            #expect(repair.soundEvents == UInt64(header.eventCount))
        }
    }

    @Test("text that somebody edited inside a block passes every checksum afterwards, and is read")
    func reachesTheText() throws {
        let text = Array("{\"a\":1}\nsecond line\n".utf8)
        var frame: [UInt8] = []
        let frameBytes = try text.withUnsafeBytes { try LZ4Frame.compress($0, appendingTo: &frame) }
        let header = BatchHeader(
            firstSequence: 7, eventCount: 9, textBytes: 1, frameBytes: UInt32(frameBytes), isRecompressed: false,
            committedAt: Timestamp(microseconds: 0), treeSize: 16, root: .zero)
        var bytes = header.encoded() + [UInt8](repeating: 0, count: header.paddingBytes) + frame
        let place = try #require(bytes.firstRange(of: Array("second".utf8)))
        bytes[place.lowerBound] = UInt8(ascii: "S")
        let repair = BatchRepair(bytes, depth: .everything)
        #expect(repair.soundBatches == 1 && repair.soundEvents == 2)
        let verifier = try BatchVerifier()
        var growth = TreeGrowth()
        try repair.bytes.withUnsafeBytes { buffer in
            let read = try verifier.verify(buffer, grown: &growth)
            #expect(String(decoding: read.text, as: UTF8.self) == "{\"a\":1}\nSecond line\n")
        }
    }
}
