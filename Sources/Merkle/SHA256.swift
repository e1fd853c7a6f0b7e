import CSHA256
import Crypto

/// SHA-256 by the processor's own instructions: the same function as the library's, without making a context for each
/// message. Only where the processor has them.
enum ProcessorSHA256 {
    /// Asked once a process.
    static let isAvailable = nrx_sha256_is_available()

    /// SHA-256 of `bytes`.
    static func hash(_ bytes: UnsafeRawBufferPointer) -> Hash {
        Hash { nrx_sha256(bytes.baseAddress, bytes.count, $0) }
    }

    /// SHA-256(0x00 ‖ entry).
    static func leaf(_ entry: Hash) -> Hash {
        entry.withBytePointer { entry in Hash { nrx_sha256_leaf(entry, $0) } }
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    static func node(_ left: Hash, _ right: Hash) -> Hash {
        left.withBytePointer { left in
            right.withBytePointer { right in Hash { nrx_sha256_node(left, right, $0) } }
        }
    }
}

/// The same by swift-crypto, for every other processor, and to test against.
enum LibrarySHA256 {
    /// SHA-256 of `bytes`.
    static func hash(_ bytes: UnsafeRawBufferPointer) -> Hash {
        var function = SHA256()
        function.update(bufferPointer: bytes)
        return Hash(function.finalize())
    }

    /// SHA-256(0x00 ‖ entry).
    static func leaf(_ entry: UnsafeRawBufferPointer) -> Hash {
        var function = SHA256()
        withUnsafeBytes(of: UInt8(0)) { function.update(bufferPointer: $0) }
        function.update(bufferPointer: entry)
        return Hash(function.finalize())
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    static func node(_ left: Hash, _ right: Hash) -> Hash {
        var function = SHA256()
        withUnsafeBytes(of: UInt8(1)) { function.update(bufferPointer: $0) }
        left.withUnsafeBytes { function.update(bufferPointer: $0) }
        right.withUnsafeBytes { function.update(bufferPointer: $0) }
        return Hash(function.finalize())
    }
}
