import CSodium
import Proofs
import Synchronization

/// The key that wraps all other keys. It is never stored in the database.
final class MasterKey: Sendable {
    private let key: SecretKey
    /// Where fresh keys are made, one at a time: guarded memory of their own would cost a dozen system calls each
    /// (docs/benchmarks.md). All zeros between two calls.
    private let workplace: Mutex<GuardedMemory>

    init(_ key: SecretKey) throws(VaultError) {
        self.key = key
        workplace = Mutex(try GuardedMemory.allocated(byteCount: SecretKey.byteCount))
    }

    /// Makes 32 fresh bytes from libsodium's generator and wraps them; the plain bytes live in guarded memory only as
    /// long as the call.
    func makeWrappedKey(_ binding: Binding) throws(VaultError) -> [UInt8] {
        try makeWrappedKey(binding) { _ in }.wrapped
    }

    /// The same, with something done with the fresh key before it is gone.
    ///
    /// - Parameter use: what the fresh key is needed for at once, in microseconds: other fresh keys wait meanwhile.
    func makeWrappedKey<Used: Sendable>(
        _ binding: Binding, _ use: (UnsafePointer<UInt8>) -> Used
    ) throws(VaultError) -> (wrapped: [UInt8], used: Used) {
        let made: (wrapped: [UInt8], used: Used)? = workplace.withLock { fresh in
            fresh.withMutableBytes { randombytes_buf($0, SecretKey.byteCount) }
            let made = fresh.withBytes { (wrap($0, binding), use($0)) }
            return fresh.zero() ? made : nil
        }
        guard let made else {
            throw VaultError(.cryptographyUnavailable, "a fresh key could not be overwritten in guarded memory")
        }
        return made
    }

    /// Wraps the 32 bytes at `bytes`.
    func wrap(_ bytes: UnsafePointer<UInt8>, _ binding: Binding) -> [UInt8] {
        key.withBytes { SealedBox.seal(bytes, count: SecretKey.byteCount, key: $0, binding: binding) }
    }

    /// Unwraps 32 bytes into `target`; false when `wrapped` was not made by this key for `binding`.
    func unwrap(_ wrapped: [UInt8], _ binding: Binding, into target: UnsafeMutablePointer<UInt8>) -> Bool {
        key.withBytes {
            SealedBox.open(wrapped, into: target, count: SecretKey.byteCount, key: $0, binding: binding)
        }
    }

    /// Unwraps a key into guarded memory of its own; nil when `wrapped` was not made by this key for `binding`.
    func unwrap(_ wrapped: [UInt8], _ binding: Binding) throws(VaultError) -> SecretKey? {
        try SecretKey { unwrap(wrapped, binding, into: $0) }
    }

    /// A tag over `binding` alone: a box without content.
    func authenticate(_ binding: Binding) -> [UInt8] {
        let nothing: [UInt8] = [0]
        return key.withBytes { SealedBox.seal(nothing, count: 0, key: $0, binding: binding) }
    }

    /// Whether `tag` was made by ``authenticate(_:)`` with this key for the same binding.
    func isAuthentic(_ tag: [UInt8], _ binding: Binding) -> Bool {
        var nothing: [UInt8] = [0]
        return key.withBytes { SealedBox.open(tag, into: &nothing, count: 0, key: $0, binding: binding) }
    }
}
