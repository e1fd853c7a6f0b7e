import Merkle

/// What a step of the chain hashes (docs/cdp.md): the previous hash, the step's names, its evidence hash and the time, with a
/// zero byte between them; hashes as their hex digits. Put together where nothing has to be allocated.
struct ChainMessage {
    /// Two hashes, four separators, the longest names of the format and a time take 190 bytes.
    private static let byteCountMax = 256

    private let buffer: UnsafeMutableRawBufferPointer
    private var count = 0

    private init(in buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    /// The SHA-256 of the message.
    static func hash(
        _ previous: Hash, subsystem: StaticString, operation: StaticString, evidence: Hash, destroyedAt: UTCSecond
    ) -> Hash {
        withUnsafeTemporaryAllocation(byteCount: byteCountMax, alignment: 1) { buffer in
            var message = ChainMessage(in: buffer)
            message.append(previous)
            message.separate()
            message.append(subsystem)
            message.separate()
            message.append(operation)
            message.separate()
            message.append(evidence)
            message.separate()
            var time = destroyedAt.text
            time.withUTF8 { message.append(UnsafeRawBufferPointer($0)) }
            return Hash(of: UnsafeRawBufferPointer(rebasing: buffer[..<message.count]))
        }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    private mutating func append(_ hash: Hash) {
        hash.writeHex(to: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<(count + 64)]))
        count += 64
    }

    private mutating func append(_ name: StaticString) {
        append(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    private mutating func separate() {
        buffer[count] = 0
        count += 1
    }
}
