import CLinux
import Merkle

@testable import EventStore

/// Makes right, in any bytes, what a fuzzer cannot guess: checksums and roots. So it reaches the code behind them.
struct BatchRepair {
    /// How much is made right.
    enum Depth: CaseIterable {
        /// The header's CRC-32C and the frame's XXH32 checksums.
        case checksums
        /// Also every number and root that follows from the events, so that what the blocks hold alone decides.
        case everything
    }

    /// The bytes with their batches repaired.
    private(set) var bytes: [UInt8]
    /// How many batches, from the first on, every reader must accept now.
    private(set) var soundBatches = 0
    /// Events in them.
    private(set) var soundEvents: UInt64 = 0
    private var tree = CompactRange()
    private let depth: Depth

    init(_ bytes: [UInt8], depth: Depth) {
        self.bytes = bytes
        self.depth = depth
        var offset = 0
        var isSound = depth == .everything
        while let batch = repairBatch(at: offset) {
            isSound = isSound && batch.isSound
            if isSound {
                soundBatches += 1
                soundEvents = tree.size
            }
            offset = batch.end
        }
    }

    /// - Returns: where the batch ends, and whether every reader must accept it; nil where none begins.
    private mutating func repairBatch(at offset: Int) -> (end: Int, isSound: Bool)? {
        guard bytes.count - offset >= BatchHeader.byteCount + LZ4FrameRepair.headerBytes,
            bytes.number(UInt32.self, at: offset) == BatchHeader.magic
        else { return nil }
        let frameBytes = Int(bytes.number(UInt32.self, at: offset + 32))
        let padding = (BatchHeader.byteCount - frameBytes % BatchHeader.byteCount) % BatchHeader.byteCount
        let start = offset + BatchHeader.byteCount + padding
        let end = start + frameBytes
        defer { bytes.store(checksum(at: offset), at: offset + BatchHeader.checksumOffset) }
        guard frameBytes >= LZ4FrameRepair.headerBytes, end <= bytes.count else { return nil }
        let content = LZ4FrameRepair.repair(start..<end, in: &bytes, depth: depth)
        guard depth == .everything else { return (end, false) }
        for index in (offset + BatchHeader.byteCount)..<start { bytes[index] = 0 }
        let isSound = settleHeader(at: offset, padding: padding, content: content ?? [])
        return (end, isSound && endsWithContent(content, frame: start..<end))
    }

    /// Writes the numbers and the root that follow from `content` into the header.
    private mutating func settleHeader(at offset: Int, padding: Int, content: [UInt8]) -> Bool {
        let first = tree.size
        var growth = TreeGrowth()
        let isWhole = content.withUnsafeBytes { text in
            var lines = LineIterator(text: text)
            while let line = lines.next() { tree.append(commitment: Hash(of: line), grown: &growth) }
            return lines.isAtEnd
        }
        bytes.store(UInt32(BatchHeader.byteCount - 8 + padding), at: offset + 4)
        for index in 0..<8 { bytes[offset + 8 + index] = BatchHeader.signature.utf8Start[index] }
        bytes.store(first, at: offset + 16)
        bytes.store(UInt32(growth.commitments.count), at: offset + 24)
        bytes.store(UInt32(content.count), at: offset + 28)
        bytes.store(bytes.number(UInt32.self, at: offset + 36) & BatchHeader.recompressedFlag, at: offset + 36)
        bytes.store(tree.size, at: offset + 48)
        for (index, byte) in tree.root.bytes.enumerated() { bytes[offset + 56 + index] = byte }
        for index in 88..<BatchHeader.checksumOffset { bytes[offset + index] = 0 }
        return isWhole && !growth.commitments.isEmpty
    }

    /// Whether the frame's blocks and its content checksum fill it exactly.
    private func endsWithContent(_ content: [UInt8]?, frame: Range<Int>) -> Bool {
        guard content != nil else { return false }
        var position = frame.lowerBound + LZ4FrameRepair.headerBytes
        while position + 8 <= frame.upperBound {
            let word: UInt32 = bytes.number(at: position)
            position += 4
            if word == 0 { return position + 4 == frame.upperBound }
            position += Int(word & ~(1 << 31)) + 4
        }
        return false
    }

    private func checksum(at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { nrx_crc32c($0.baseAddress.map { $0 + offset }, BatchHeader.checksumOffset) }
    }
}
