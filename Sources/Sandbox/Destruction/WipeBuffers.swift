import CSodium
import Glibc
import Merkle
import Proofs

/// The four passes' contents and the buffer for reading back. Made once a destruction, 256 KiB each.
struct WipeBuffers {
    /// In this order (docs/cdp.md, step 3).
    enum Pass: CaseIterable { case zero, ones, random, zeroAgain }

    private static let chunkBytes = 256 * 1024
    private let zeros = [UInt8](repeating: 0, count: chunkBytes)
    private let ones = [UInt8](repeating: 0xff, count: chunkBytes)
    /// Two chunks of a ChaCha20 stream under a fresh key, made when first needed. Each write takes one chunk's length from
    /// a place drawn anew: unpredictable like a fresh stream, which would take as long to make as all four passes take.
    private var random: [UInt8] = []
    private var back = [UInt8](repeating: 0, count: chunkBytes)

    /// Writes one pass over a range; returns how many bytes were written.
    mutating func write(_ pass: Pass, to file: Int32, _ range: Range<UInt64>) -> Int64 {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = Int(min(UInt64(Self.chunkBytes), range.upperBound - offset))
            let written =
                switch pass {
                case .zero, .zeroAgain: pwrite(file, zeros, count, off_t(offset))
                case .ones: pwrite(file, ones, count, off_t(offset))
                case .random: writeRandom(file, count, offset)
                }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { break }
            offset += UInt64(written)
        }
        return Int64(offset - range.lowerBound)
    }

    private mutating func writeRandom(_ file: Int32, _ count: Int, _ offset: UInt64) -> Int {
        if random.isEmpty {
            var key = [UInt8](repeating: 0, count: Int(randombytes_SEEDBYTES))
            randombytes_buf(&key, key.count)
            random = [UInt8](repeating: 0, count: 2 * Self.chunkBytes)
            randombytes_buf_deterministic(&random, random.count, key)
        }
        let start = Int(randombytes_uniform(UInt32(Self.chunkBytes)))
        return random.withUnsafeBytes { bytes in
            // In bounds: start is below one chunk, count at most one chunk, and there are two.
            pwrite(file, bytes.baseAddress?.advanced(by: start), count, off_t(offset))
        }
    }

    /// Reads a range back: every byte compared with zero, every block a leaf of the tree.
    ///
    /// A block that compared equal to 4096 zeros has, by that comparison, the leaf hash of 4096 zeros; it is computed
    /// once, not once a block. Every other block is hashed as it was read, so the root shows what was there.
    mutating func compare(_ file: Int32, _ range: Range<UInt64>, into report: inout WorkspaceWipe.Report) -> Bool {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = Int(min(UInt64(Self.chunkBytes), range.upperBound - offset))
            let got = pread(file, &back, count, off_t(offset))
            if got < 0 && errno == EINTR { continue }
            // Blocks are whole, and so are the reads: the files end on a block's end since the first pass.
            guard got == count else { return false }
            back.withUnsafeBytes { bytes in
                let length = Int(ZeroTree.blockBytes)
                for start in stride(from: 0, to: count, by: length) {
                    let block = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
                    if isZero(block) {
                        report.tree.append(Self.zeroLeaf)
                    } else {
                        report.tree.append(TreeHasher.leaf(block))
                        report.mismatches += Int64(block.count { $0 != 0 })
                    }
                }
            }
            report.bytesCompared += Int64(count)
            offset += UInt64(count)
        }
        return true
    }

    /// The leaf hash of a block of zeros.
    private static let zeroLeaf = ZeroTree.root(blocks: 1)

    /// Whether every byte of a block, which is no longer than a chunk, is zero.
    private func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
        zeros.withUnsafeBytes { zeros in
            guard let left = block.baseAddress, let right = zeros.baseAddress else { return false }
            return memcmp(left, right, block.count) == 0
        }
    }
}
