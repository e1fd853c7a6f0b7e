import CLZ4

/// The checksum that LZ4 frames carry, taken from liblz4 itself.
enum LZ4Checksum {
    /// XXH32 of `bytes`, seed 0: a frame with a content checksum ends in it.
    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        var frame = [UInt8](repeating: 0, count: LZ4F_compressFrameBound(bytes.count, &preferences))
        let length = bytes.withUnsafeBytes { source in
            LZ4F_compressFrame(&frame, frame.count, source.baseAddress, source.count, &preferences)
        }
        guard LZ4F_isError(length) == 0, length >= 4 else { return 0 }
        return frame.number(at: length - 4)
    }
}

/// Makes the checksums of one LZ4 frame right, in place, whatever its blocks hold.
struct LZ4FrameRepair {
    /// Magic, FLG, BD, content size, header checksum.
    static let headerBytes = 15
    private static let magic: UInt32 = 0x184D_2204
    /// Version 01, independent blocks, block checksums, content size, content checksum; no dictionary.
    private static let flags: UInt8 = 0b0111_1100
    private static let blockSizeBits: UInt8 = 0b0011_0000
    private static let blockSizeBase: UInt8 = 0b0100_0000
    private static let plainBlockBit: UInt32 = 1 << 31

    /// - Parameters:
    ///   - frame: where the frame stands in `bytes`; at least ``headerBytes`` long.
    ///   - depth: how much is made right beside the checksums.
    /// - Returns: the content, or nil where the blocks are none.
    static func repair(_ frame: Range<Int>, in bytes: inout [UInt8], depth: BatchRepair.Depth) -> [UInt8]? {
        let start = frame.lowerBound
        if depth == .everything {
            bytes.store(magic, at: start)
            bytes[start + 4] = flags
            bytes[start + 5] = bytes[start + 5] & blockSizeBits | blockSizeBase
        }
        let blockBytesMax = 1 << (8 + 2 * Int(bytes[start + 5] >> 4 & 7))
        var content: [UInt8]? = []
        var position = start + headerBytes
        while position + 8 <= frame.upperBound {
            let word: UInt32 = bytes.number(at: position)
            position += 4
            if word == 0 { break }
            let end = position + Int(word & ~plainBlockBit)
            guard end + 4 <= frame.upperBound else { return finish(frame, nil, in: &bytes, depth: depth) }
            bytes.store(LZ4Checksum.of(bytes[position..<end]), at: end)
            let block =
                word & plainBlockBit != 0
                ? Array(bytes[position..<end]) : decompressed(bytes[position..<end], bytesMax: blockBytesMax)
            content = content.flatMap { before in block.map { before + $0 } }
            position = end + 4
        }
        if let content, position + 4 <= frame.upperBound {
            bytes.store(LZ4Checksum.of(content[...]), at: position)
        }
        return finish(frame, content, in: &bytes, depth: depth)
    }

    private static func finish(
        _ frame: Range<Int>, _ content: [UInt8]?, in bytes: inout [UInt8], depth: BatchRepair.Depth
    ) -> [UInt8]? {
        let start = frame.lowerBound
        if depth == .everything, let content { bytes.store(UInt64(content.count), at: start + 6) }
        // LZ4 frame format, "Header checksum": the second byte of XXH32 over the descriptor.
        bytes[start + 14] = UInt8(truncatingIfNeeded: LZ4Checksum.of(bytes[(start + 4)..<(start + 14)]) >> 8)
        return content
    }

    private static func decompressed(_ block: ArraySlice<UInt8>, bytesMax: Int) -> [UInt8]? {
        // No block of LZ4 grows more than 255-fold.
        let room = min(bytesMax, 256 * block.count)
        var length: Int32 = -1
        let content = [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
            length = block.withUnsafeBytes { source in
                LZ4_decompress_safe(source.baseAddress, buffer.baseAddress, Int32(source.count), Int32(room))
            }
            filled = max(0, Int(length))
        }
        return length < 0 ? nil : content
    }
}

extension [UInt8] {
    /// The little-endian number at `offset`.
    func number<T: FixedWidthInteger>(_ type: T.Type = T.self, at offset: Int) -> T {
        withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }

    /// Puts a number at `offset`, little-endian.
    mutating func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self) }
    }
}
