import CLZ4

/// The one kind of LZ4 frame that a batch holds: content size, content checksum and block checksums on, no
/// dictionary (docs/log-format.md). Without block checksums some flipped bytes decode to the same text.
enum LZ4Frame {
    private static func preferences(textBytes: Int, level: Int32) -> LZ4F_preferences_t {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max4MB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled
        preferences.frameInfo.contentSize = UInt64(textBytes)
        preferences.compressionLevel = level
        preferences.autoFlush = 1
        return preferences
    }

    /// Compresses `text` into one frame at the end of `output`.
    ///
    /// - Returns: the frame's length in bytes.
    static func compress(_ text: UnsafeRawBufferPointer, level: Int32 = 1, appendingTo output: inout [UInt8])
        throws(BatchDefect) -> Int
    {
        var preferences = preferences(textBytes: text.count, level: level)
        let bound = LZ4F_compressFrameBound(text.count, &preferences)
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: bound))
        let length = output.withUnsafeMutableBytes { buffer in
            LZ4F_compressFrame(
                UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).baseAddress, bound, text.baseAddress,
                text.count, &preferences)
        }
        guard LZ4F_isError(length) == 0 else { throw .body("LZ4: \(String(cString: LZ4F_getErrorName(length)))") }
        output.removeLast(bound - length)
        return length
    }
}

/// Decompresses frames one after another with one context and one buffer.
///
/// Owned by one thread at a time.
final class LZ4FrameDecoder {
    /// FLG byte bits that are fixed: version 01, block checksum, content size, content checksum; no reserved bit, no
    /// dictionary id. Block independence (bit 5) is free.
    private static let flagsMask: UInt8 = 0b1101_1111
    private static let flags: UInt8 = 0b0101_1100
    private static let magic: UInt32 = 0x184D_2204
    /// Magic, FLG, BD, content size, header checksum.
    private static let headerBytes = 15
    private let context: OpaquePointer

    init() throws(BatchDefect) {
        var context: OpaquePointer?
        let result = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(result) == 0, let context else { throw .body("LZ4: out of memory") }
        self.context = context
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    /// Decompresses the one frame that `frame` is into all of `text`; every checksum is verified.
    func decompress(_ frame: UnsafeRawBufferPointer, into text: UnsafeMutableRawBufferPointer) throws(BatchDefect) {
        guard frame.count >= Self.headerBytes, frame.load(UInt32.self, at: 0) == Self.magic else {
            throw .body("no LZ4 frame follows the header")
        }
        guard frame[4] & Self.flagsMask == Self.flags else {
            throw .body("the LZ4 frame lacks a checksum or the content size")
        }
        guard frame.load(UInt64.self, at: 6) == UInt64(text.count) else {
            throw .body("the LZ4 frame's content size is not the header's")
        }
        guard let source = frame.baseAddress, let destination = text.baseAddress else {
            throw .body("the header claims an empty batch")
        }
        LZ4F_resetDecompressionContext(context)
        var read = 0
        var written = 0
        while true {
            var writtenNow = text.count - written
            var readNow = frame.count - read
            let hint = LZ4F_decompress(context, destination + written, &writtenNow, source + read, &readNow, nil)
            guard LZ4F_isError(hint) == 0 else { throw .body("LZ4: \(String(cString: LZ4F_getErrorName(hint)))") }
            read += readNow
            written += writtenNow
            if hint == 0 { break }
            guard readNow > 0 || writtenNow > 0 else { throw .body("the LZ4 frame ends too early") }
        }
        guard read == frame.count, written == text.count else {
            throw .body("the LZ4 frame's length is not the header's")
        }
    }
}
