import CSodium
public import Proofs
import Synchronization

/// The key under which the server seals whatever of a session it must hold itself: remembered answers, spooled input,
/// terminal tickets. Zeroing it at the session's end really ends those.
///
/// It lies in libsodium's guarded memory: locked against swap, between guard pages, without any access except while it
/// is used.
///
/// ```swift
/// let box = try key.seal(answer, as: .execAnswer)
/// let answer = try key.open(box)
/// ```
public final class SessionDataKey: Sendable {
    /// What was sealed; counted for the evidence.
    public enum Purpose: Sendable { case execAnswer, spooledInput, terminalTicket }

    // The pointer is read and written only while the mutex around this struct is held.
    private struct State: @unchecked Sendable {
        /// 32 bytes of sodium_malloc; nil after destruction.
        var memory: UnsafeMutableRawPointer?
        var evidence: KeyEvidence
    }

    private let state: Mutex<State>

    private static let keyBytes = 32
    private static let nonceBytes = 24
    private static let tagBytes = 16

    /// Makes a fresh key.
    ///
    /// - Throws: `system` when the memory cannot be had or cannot be locked (raise RLIMIT_MEMLOCK).
    public init() throws(SandboxError) {
        guard sodium_init() >= 0 else { throw SandboxError(.system, "libsodium cannot be initialised") }
        guard let memory = sodium_malloc(Self.keyBytes) else {
            throw SandboxError(.system, "no guarded memory for the session's key")
        }
        guard sodium_mlock(memory, Self.keyBytes) == 0 else {
            sodium_free(memory)
            throw SandboxError(.system, "the session's key cannot be locked in memory: raise `ulimit -l`")
        }
        randombytes_buf(memory, Self.keyBytes)
        guard sodium_mprotect_noaccess(memory) == 0 else {
            sodium_free(memory)
            throw SandboxError(.system, "the session's key cannot be protected")
        }
        state = Mutex(
            State(
                memory: memory,
                evidence: KeyEvidence(
                    guardedMemory: true, locked: true, zeroed: false, readBackZero: false,
                    sealed: .init(execAnswers: 0, spooledInputs: 0, terminalTickets: 0))))
    }

    deinit { _ = destroy() }

    /// Seals `bytes` with XChaCha20-Poly1305 under a random nonce: nonce, then ciphertext.
    public func seal(_ bytes: [UInt8], as purpose: Purpose) throws(SandboxError) -> [UInt8] {
        try withKey { (key, evidence) throws(SandboxError) in
            var box = [UInt8](repeating: 0, count: Self.nonceBytes + bytes.count + Self.tagBytes)
            let failure = box.withUnsafeMutableBufferPointer { box -> Int32 in
                // The buffer is not empty, so it has an address; nonce and ciphertext are disjoint parts of it.
                guard let base = box.baseAddress else { return -1 }
                randombytes_buf(base, Self.nonceBytes)
                return crypto_aead_xchacha20poly1305_ietf_encrypt(
                    base + Self.nonceBytes, nil, bytes, UInt64(bytes.count), nil, 0, nil, base,
                    key.assumingMemoryBound(to: UInt8.self))
            }
            guard failure == 0 else { throw SandboxError(.system, "sealing failed") }
            switch purpose {
            case .execAnswer: evidence.sealed.execAnswers += 1
            case .spooledInput: evidence.sealed.spooledInputs += 1
            case .terminalTicket: evidence.sealed.terminalTickets += 1
            }
            return box
        }
    }

    /// Opens what ``seal(_:as:)`` returned. Throws `refused` when it was changed or sealed by another key.
    public func open(_ box: [UInt8]) throws(SandboxError) -> [UInt8] {
        guard box.count >= Self.nonceBytes + Self.tagBytes else {
            throw SandboxError(.refused, "this was not sealed with the session's key")
        }
        return try withKey { (key, _) throws(SandboxError) in
            var bytes = [UInt8](repeating: 0, count: box.count - Self.nonceBytes - Self.tagBytes)
            let failure = box.withUnsafeBufferPointer { box -> Int32 in
                // Not empty, as checked above.
                guard let base = box.baseAddress else { return -1 }
                return crypto_aead_xchacha20poly1305_ietf_decrypt(
                    &bytes, nil, nil, base + Self.nonceBytes, UInt64(box.count - Self.nonceBytes), nil, 0, base,
                    key.assumingMemoryBound(to: UInt8.self))
            }
            guard failure == 0 else { throw SandboxError(.refused, "this was not sealed with the session's key") }
            return bytes
        }
    }

    /// Zeroes the key, reads it back, frees it, and says what was seen. Later calls return the same.
    public func destroy() -> KeyEvidence {
        state.withLock { state in
            guard let memory = state.memory else { return state.evidence }
            state.memory = nil
            guard sodium_mprotect_readwrite(memory) == 0 else { return state.evidence }
            sodium_memzero(memory, Self.keyBytes)
            state.evidence.zeroed = true
            state.evidence.readBackZero = sodium_is_zero(memory.assumingMemoryBound(to: UInt8.self), Self.keyBytes) == 1
            sodium_free(memory)
            return state.evidence
        }
    }

    private func withKey<Value: Sendable>(
        _ body: (UnsafeMutableRawPointer, inout KeyEvidence) throws(SandboxError) -> Value
    ) throws(SandboxError) -> Value {
        let result: Result<Value, SandboxError> = state.withLock { state in
            guard let memory = state.memory else {
                return .failure(SandboxError(.gone, "the session's key is destroyed"))
            }
            guard sodium_mprotect_readonly(memory) == 0 else {
                return .failure(SandboxError(.system, "the session's key cannot be read"))
            }
            var changed = state.evidence
            let result = Result { () throws(SandboxError) in try body(memory, &changed) }
            state.evidence = changed
            // Without this the key would stay readable: worse than one request that fails.
            guard sodium_mprotect_noaccess(memory) == 0 else {
                return .failure(SandboxError(.system, "the session's key cannot be protected"))
            }
            return result
        }
        return try result.get()
    }
}
