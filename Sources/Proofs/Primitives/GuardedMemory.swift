import CSodium

/// A few secret bytes in libsodium's guarded memory: between guard pages, locked into RAM, left out of core dumps,
/// zeroed when the value ends.
///
/// ```swift
/// var key = try GuardedMemory(byteCount: 32)
/// key.withMutableBytes { crypto_aead_xchacha20poly1305_ietf_keygen($0) }
/// guard key.zero() else { … }
/// ```
// Sendable although it holds a pointer: the value is the only owner of the memory (it cannot be copied, and the pointer
// is lent only for the length of a call), so two threads can never reach the memory without the compiler's leave.
package struct GuardedMemory: ~Copyable, @unchecked Sendable {
    // Owned by this value alone from `sodium_malloc` in `init` to `sodium_free` in `deinit`.
    private let base: UnsafeMutablePointer<UInt8>
    /// Length in bytes.
    package let byteCount: Int

    /// Allocates `byteCount` bytes of zeros and locks them.
    ///
    /// - Throws: ``ProofError/Code/guardedMemoryUnavailable`` when the memory cannot be had or not be locked:
    ///   `sodium_malloc` alone ignores a failing lock, therefore it is asked for again and checked.
    package init(byteCount: Int) throws(ProofError) {
        try Sodium.requireReady()
        guard let base = sodium_malloc(byteCount) else {
            throw ProofError(.guardedMemoryUnavailable, "\(byteCount) bytes of guarded memory could not be allocated")
        }
        guard sodium_mlock(base, byteCount) == 0 else {
            sodium_free(base)
            throw ProofError(
                .guardedMemoryUnavailable,
                "guarded memory could not be locked into RAM; raise the limit on locked memory (ulimit -l)")
        }
        sodium_memzero(base, byteCount)
        self.base = base.bindMemory(to: UInt8.self, capacity: byteCount)
        self.byteCount = byteCount
    }

    deinit { sodium_free(base) }

    /// Lends the ``byteCount`` bytes for reading.
    package borrowing func withBytes<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R { body(base) }

    /// Lends the ``byteCount`` bytes for writing.
    package mutating func withMutableBytes<R>(_ body: (UnsafeMutablePointer<UInt8>) -> R) -> R { body(base) }

    /// Overwrites the bytes with zeros and reads them back: whether they are all zero now.
    package mutating func zero() -> Bool {
        sodium_memzero(base, byteCount)
        return sodium_is_zero(base, byteCount) == 1
    }
}
