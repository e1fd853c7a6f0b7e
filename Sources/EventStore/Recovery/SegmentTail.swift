/// What follows the last good batch of the live segment: the five cases of docs/log-format.md, "Recovery".
enum SegmentTail: Equatable {
    /// The file ends with its last batch: sealed, or stopped cleanly.
    case ended
    /// An exact filler and only zeros: the state between commits.
    case filler
    /// Only zeros: a complete batch whose filler header was lost.
    case lostFiller
    /// A write that was never acknowledged. What is not zero lies in `offset ..< end`.
    case torn(end: Int, why: String)
    /// Something no interrupted write can leave behind.
    case damage

    /// The unit that the disk writes whole or not at all (assumed, and said so in the docs), in bytes.
    static let sectorBytes = 512

    /// Classifies what stands at `offset`, where no valid batch begins (or the file ends).
    ///
    /// - Parameters:
    ///   - bytes: the whole live segment.
    ///   - offset: where the last good batch ends.
    ///   - defect: why what stands there is not a valid batch.
    static func classify(_ bytes: UnsafeRawBufferPointer, from offset: Int, defect: BatchDefect?) -> SegmentTail {
        guard offset < bytes.count else { return .ended }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        if Filler.isExact(rest) {
            guard let end = lastNonZero(in: bytes, from: offset + Filler.headerBytes) else { return .filler }
            return hasValidHeader(in: rest)
                ? .damage : .torn(end: end, why: "bytes of an unfinished write stand in the filler")
        }
        guard let end = lastNonZero(in: bytes, from: offset) else {
            return offset.isMultiple(of: sectorBytes) ? .lostFiller : .damage
        }
        if case .body = defect, let header = try? BatchHeader(rest) {
            return classifyBody(bytes, from: offset, header: header, end: end)
        }
        return .damage
    }

    /// A valid header with a bad body is torn when nothing but zeros (or the filler of the same write) follows its
    /// extent and at least one whole sector inside it never arrived.
    private static func classifyBody(
        _ bytes: UnsafeRawBufferPointer, from offset: Int, header: BatchHeader, end: Int
    ) -> SegmentTail {
        let extent = offset + header.batchBytes
        guard extent <= bytes.count else { return .damage }
        let after = UnsafeRawBufferPointer(rebasing: bytes[extent...])
        let onlyFiller = Filler.isExact(after) && lastNonZero(in: bytes, from: extent + Filler.headerBytes) == nil
        guard end <= extent || onlyFiller else { return .damage }
        let firstSector = (offset + sectorBytes - 1) / sectorBytes * sectorBytes
        for sector in stride(from: firstSector, to: extent, by: sectorBytes) {
            let sectorEnd = min(sector + sectorBytes, bytes.count)
            if bytes[sector..<sectorEnd].allSatisfy({ $0 == 0 }) {
                return .torn(end: end, why: "a batch was written only in part")
            }
        }
        return .damage
    }

    /// The end of the last byte that is not zero; nil when all are.
    private static func lastNonZero(in bytes: UnsafeRawBufferPointer, from offset: Int) -> Int? {
        var end = bytes.count
        // Whole words first: the filler is megabytes of zeros.
        while end - 8 >= offset, bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self) == 0 { end -= 8 }
        while end > offset, bytes[end - 1] == 0 { end -= 1 }
        return end > offset ? end : nil
    }

    private static func hasValidHeader(in rest: UnsafeRawBufferPointer) -> Bool {
        stride(from: BatchHeader.byteCount, to: rest.count, by: BatchHeader.byteCount).contains { offset in
            let candidate = UnsafeRawBufferPointer(rebasing: rest[offset...])
            guard candidate.count >= BatchHeader.byteCount, candidate.load(UInt32.self, at: 0) == BatchHeader.magic
            else { return false }
            return (try? BatchHeader(candidate)) != nil
        }
    }
}
