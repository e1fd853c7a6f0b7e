import Glibc

/// Reads one stream of a command: keeps, or only gives out, the first `bytesMax` bytes; counts all.
struct OutputBuffer {
    /// Empty when what is read is only given out.
    private(set) var kept: [UInt8] = []
    /// Everything that was written, kept or not.
    private(set) var total: Int64 = 0
    /// Set at the end of the stream: nobody can write to it any more.
    private(set) var isAtEnd = false
    private let bytesMax: Int
    private let keeps: Bool

    init(bytesMax: Int, keeps: Bool) {
        self.bytesMax = max(bytesMax, 0)
        self.keeps = keeps
    }

    var isTruncated: Bool { total > Int64(bytesMax) }

    /// Reads what is there, at most a few chunks so that the other stream has its turn. Returns those of the bytes read
    /// that are within the limit.
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
            let room = Int(clamping: max(0, Int64(bytesMax) - total))
            total += Int64(count)
            if room > 0 { fresh += chunk[..<min(count, room)] }
            if count < chunk.count { break }
        }
        if keeps { kept += fresh }
        return fresh
    }
}
