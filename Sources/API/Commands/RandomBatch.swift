import Glibc

/// Unpredictable numbers of the kernel's generator for one piece of work, drawn 32 at a time: an identifier then costs
/// nothing but its share of one system call, of which `SystemRandomNumberGenerator` makes one for every number.
///
/// Lives no longer than that piece of work, so that nothing is ever drawn ahead that another could use as well.
struct RandomBatch: RandomNumberGenerator {
    private static let wordsAtOnce = 32

    private var words: [UInt64] = []
    private var system = SystemRandomNumberGenerator()

    mutating func next() -> UInt64 {
        if words.isEmpty { words = draw() }
        return words.popLast() ?? system.next()
    }

    /// Empty when the kernel refuses, as one older than Linux 3.17 does.
    private func draw() -> [UInt64] {
        var drawn = [UInt64](repeating: 0, count: Self.wordsAtOnce)
        let status = drawn.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { getentropy($0, bytes.count) } ?? -1
        }
        return status == 0 ? drawn : []
    }

    /// So many unpredictable bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let word = next()
            withUnsafeBytes(of: word) { bytes.append(contentsOf: $0.prefix(count - bytes.count)) }
        }
        return bytes
    }
}
