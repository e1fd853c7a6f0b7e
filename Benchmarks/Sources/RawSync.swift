import Glibc

/// What the disk itself allows: overwriting a zero-filled file, so many bytes and an fdatasync at a time, by one thread
/// that does nothing else.
final class RawSync {
    private let descriptor: Int32
    private let path: String
    private let block: [UInt8]
    private var offset = 0

    private static let fileBytes = 64 << 20

    /// - Parameter bytes: written before each sync.
    init(path: String, bytes: Int) throws {
        self.path = path
        block = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 167) }
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BenchmarkError("cannot create \(path)") }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<(Self.fileBytes >> 20) where write(descriptor, zeros, zeros.count) != zeros.count {
            throw BenchmarkError("cannot fill \(path)")
        }
        guard fsync(descriptor) == 0 else { throw BenchmarkError("cannot sync \(path)") }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// Syncs a second.
    func measure(seconds: Double) throws -> Double {
        try rate(for: seconds) {
            if offset + block.count > Self.fileBytes { offset = 0 }
            guard pwrite(descriptor, block, block.count, off_t(offset)) == block.count, fdatasync(descriptor) == 0
            else {
                throw BenchmarkError("cannot write to \(path)")
            }
            offset += block.count
        }
    }
}
