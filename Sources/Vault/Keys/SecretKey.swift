import CSodium
import Proofs

/// 32 secret bytes in guarded memory, zeroed when the last reference goes.
final class SecretKey: Sendable {
    /// Length of every symmetric key here, in bytes.
    static let byteCount = 32

    private let memory: GuardedMemory

    /// A key of which `fill` writes all 32 bytes; nil when `fill` says that it could not.
    init?(filledBy fill: (UnsafeMutablePointer<UInt8>) -> Bool) throws(VaultError) {
        var memory = try GuardedMemory.allocated(byteCount: Self.byteCount)
        guard memory.withMutableBytes(fill) else { return nil }
        self.memory = memory
    }

    /// Lends the 32 bytes.
    func withBytes<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R { memory.withBytes(body) }
}

extension GuardedMemory {
    /// Guarded memory, or the vault's own error.
    static func allocated(byteCount: Int) throws(VaultError) -> GuardedMemory {
        do throws(ProofError) { return try GuardedMemory(byteCount: byteCount) } catch {
            throw VaultError(.cryptographyUnavailable, error.message, cause: error)
        }
    }
}
