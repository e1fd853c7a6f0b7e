/// The two hash functions of an RFC 6962 §2.1 Merkle tree over SHA-256.
public enum TreeHasher {
    /// SHA-256(0x00 ‖ entry).
    public static func leaf(_ entry: UnsafeRawBufferPointer) -> Hash { LibrarySHA256.leaf(entry) }

    /// SHA-256(0x00 ‖ entry) of a 32-byte entry, such as the commitment of an event.
    public static func leaf(_ entry: Hash) -> Hash {
        ProcessorSHA256.isAvailable ? ProcessorSHA256.leaf(entry) : entry.withUnsafeBytes { LibrarySHA256.leaf($0) }
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    public static func node(_ left: Hash, _ right: Hash) -> Hash {
        ProcessorSHA256.isAvailable ? ProcessorSHA256.node(left, right) : LibrarySHA256.node(left, right)
    }

    /// The root of a tree without leaves: SHA-256 of nothing.
    public static let emptyRoot = Hash(of: [])
}
