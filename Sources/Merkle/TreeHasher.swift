import Crypto

/// The two hash functions of an RFC 6962 §2.1 Merkle tree over SHA-256.
public enum TreeHasher {
    /// SHA-256(0x00 ‖ entry).
    public static func leaf(_ entry: UnsafeRawBufferPointer) -> Hash {
        var function = SHA256()
        withUnsafeBytes(of: UInt8(0)) { function.update(bufferPointer: $0) }
        function.update(bufferPointer: entry)
        return Hash(function.finalize())
    }

    /// SHA-256(0x00 ‖ entry) of a 32-byte entry, such as the commitment of an event.
    public static func leaf(_ entry: Hash) -> Hash { entry.withUnsafeBytes { leaf($0) } }

    /// SHA-256(0x01 ‖ left ‖ right).
    public static func node(_ left: Hash, _ right: Hash) -> Hash {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            buffer[0] = 1
            left.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]).copyMemory(from: $0) }
            right.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]).copyMemory(from: $0) }
            return Hash(of: UnsafeRawBufferPointer(buffer))
        }
    }

    /// The root of a tree without leaves: SHA-256 of nothing.
    public static let emptyRoot = Hash(of: [])
}
