import Glibc

/// Reads one stream of a command: keeps the first `bytesMax` bytes, counts all.
struct OutputBuffer {
    private(set) var kept: [UInt8] = []
    /// Everything that was written, kept or not.
    private(set) var total: Int64 = 0
    /// Set at the end of the stream: nobody can write to it any more.
    private(set) var isAtEnd = false
    private let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = max(bytesMax, 0) }

    var isTruncated: Bool { total > Int64(kept.count) }

    /// Reads what is there, at most a few chunks so that the other stream has its turn. Returns the newly kept bytes.
    mutating func read(from descriptor: Int32, into chunk: inout [UInt8]) -> [UInt8] {
        var fresh: [UInt8] = []
        for _ in 0..<4 {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN { break }
            guard count > 0 else {
                isAtEnd = true
                break
            }
            total += Int64(count)
            let room = bytesMax - kept.count - fresh.count
            if room > 0 { fresh += chunk[..<min(count, room)] }
            if count < chunk.count { break }
        }
        kept += fresh
        return fresh
    }
}
