/// Decompresses batches one after another, checking every checksum, with one context and one buffer.
///
/// Owned by one thread at a time. Memory: one decompressed batch.
final class BatchDecoder {
    /// Largest decompressed batch that is read, in bytes; a header that claims more is damage.
    static let textBytesMax = 1 << 28

    private let decoder: LZ4FrameDecoder
    private var text = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init() throws(BatchDefect) { decoder = try LZ4FrameDecoder() }

    deinit { text.deallocate() }

    /// Decompresses the body of a batch whose header was read; every checksum and the padding are checked.
    ///
    /// - Returns: the events' text, valid until the next call.
    func body(of header: BatchHeader, in bytes: UnsafeRawBufferPointer) throws(BatchDefect) -> UnsafeRawBufferPointer {
        guard header.batchBytes <= bytes.count else { throw .body("the file ends inside the batch") }
        guard header.textBytes <= Self.textBytesMax else { throw .body("the header claims an impossible size") }
        let frameStart = BatchHeader.byteCount + header.paddingBytes
        guard bytes[BatchHeader.byteCount..<frameStart].allSatisfy({ $0 == 0 }) else {
            throw .body("the padding is not zero")
        }
        reserve(Int(header.textBytes))
        let target = UnsafeMutableRawBufferPointer(rebasing: text[..<Int(header.textBytes)])
        try decoder.decompress(UnsafeRawBufferPointer(rebasing: bytes[frameStart..<header.batchBytes]), into: target)
        return UnsafeRawBufferPointer(target)
    }

    private func reserve(_ count: Int) {
        guard count > text.count || text.baseAddress == nil else { return }
        text.deallocate()
        text = .allocate(byteCount: max(count, 1 << 16), alignment: 16)
    }
}
