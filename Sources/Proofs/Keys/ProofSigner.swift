import CSodium

/// The key pair of one session's proof. Its private half lives in guarded memory, signs once, and is then overwritten
/// with zeros and read back.
///
/// ```swift
/// let signer = try ProofSigner()
/// let draft = try ProofDraft(session: session, evidence: evidence, destroyedAt: now, publicKey: signer.publicKey)
/// // … append the key's event, take the log's head …
/// let proof = try draft.seal(at: head, with: signer)   // the signer is gone
/// ```
///
/// A signer that is never used is zeroed when it goes out of scope. The type cannot be copied, so neither can the key.
public struct ProofSigner: ~Copyable, Sendable {
    /// The public half, safe to publish.
    public let publicKey: VerificationKey
    private var privateKey: GuardedMemory

    /// Makes a fresh pair from libsodium's generator. About 25 µs and a page of locked memory.
    ///
    /// - Throws: ``ProofError/Code/guardedMemoryUnavailable``, ``ProofError/Code/cryptographyUnavailable``.
    public init() throws(ProofError) {
        try self.init { publicKey, privateKey in crypto_sign_ed25519_keypair(publicKey, privateKey) }
    }

    /// The pair of a fixed 32-byte seed: for golden vectors and tests only, since the seed stays in ordinary memory.
    package init(seed: [UInt8]) throws(ProofError) {
        guard seed.count == Int(crypto_sign_ed25519_SEEDBYTES) else {
            throw ProofError(.invalidInput, "an Ed25519 seed has 32 bytes, not \(seed.count)")
        }
        try self.init { publicKey, privateKey in crypto_sign_ed25519_seed_keypair(publicKey, privateKey, seed) }
    }

    private init(
        _ makePair: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Int32
    ) throws(ProofError) {
        var memory = try GuardedMemory(byteCount: Int(crypto_sign_ed25519_SECRETKEYBYTES))
        var publicBytes = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_PUBLICKEYBYTES))
        let status = memory.withMutableBytes { makePair(&publicBytes, $0) }
        guard status == 0, let publicKey = VerificationKey(rawBytes: publicBytes) else {
            throw ProofError(.cryptographyUnavailable, "libsodium could not make an Ed25519 key pair")
        }
        self.publicKey = publicKey
        self.privateKey = memory
    }

    /// Signs `message`, zeroes the private key, reads it back, and ends the signer. About 24 µs.
    ///
    /// - Returns: the 64 bytes of the Ed25519 signature.
    /// - Throws: ``ProofError/Code/keyNotZeroed`` when the key's memory does not read back as zero; the signature is
    ///   then withheld, because what the proof says of its key would not be true.
    consuming func sign(_ message: [UInt8]) throws(ProofError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_BYTES))
        let status = privateKey.withBytes { key in
            crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), key)
        }
        guard privateKey.zero() else {
            throw ProofError(.keyNotZeroed, "the signing key did not read back as zero; distrust this host's memory")
        }
        guard status == 0 else {
            throw ProofError(.cryptographyUnavailable, "libsodium could not sign")
        }
        return signature
    }
}
