import CSodium
import EventStore
import Proofs

/// The log's Ed25519 key; the private half lives in guarded memory.
final class LogSigningKey: CheckpointSigner {
    /// The public half, named by the log's origin.
    let verifierKey: VerifierKey

    private let secret: GuardedMemory

    /// The pair of a 32-byte seed.
    ///
    /// - Throws: ``VaultError/Code/invalidInput`` when `origin` cannot name a key.
    init(seed: SecretKey, origin: String) throws(VaultError) {
        var secret = try GuardedMemory.allocated(byteCount: Int(crypto_sign_ed25519_SECRETKEYBYTES))
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_PUBLICKEYBYTES))
        let status = secret.withMutableBytes { target in
            seed.withBytes { crypto_sign_ed25519_seed_keypair(&publicKey, target, $0) }
        }
        guard status == 0 else { throw VaultError(.cryptographyUnavailable, "libsodium could not make the log's key") }
        guard let verifierKey = VerifierKey(name: origin, publicKey: publicKey) else {
            throw VaultError(
                .invalidInput,
                "an origin has 1 to 255 bytes without white space, control characters or `+`, for example"
                    + " ledger.example/log.")
        }
        self.verifierKey = verifierKey
        self.secret = secret
    }

    /// 64 bytes of Ed25519 signature over `message`. About 25 µs.
    func sign(_ message: [UInt8]) throws(VaultError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_BYTES))
        let status = secret.withBytes {
            crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), $0)
        }
        guard status == 0 else { throw VaultError(.cryptographyUnavailable, "libsodium could not sign") }
        return signature
    }
}
