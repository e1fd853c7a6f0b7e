import CSodium
import Merkle

/// libsodium's Ed25519, and its start.
enum Sodium {
    /// Whether the library is ready; `sodium_init` picks implementations and seeds the generator, once a process.
    private static let isReady = sodium_init() >= 0

    static func requireReady() throws(ProofError) {
        guard isReady else {
            throw ProofError(.cryptographyUnavailable, "libsodium could not be initialised; check its installation")
        }
    }

    /// Whether `signature` (64 bytes) is an Ed25519 signature of `message` under the raw key `publicKey` (32 bytes).
    ///
    /// libsodium recomputes R from S and the key and compares encodings; it refuses an S that is not below the group
    /// order, an R or a key of small order, and a key whose encoding is not canonical.
    static func isSignature(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
        message.withUnsafeBufferPointer { isSignature(signature, of: $0, by: publicKey) }
    }

    private static func isSignature(
        _ signature: [UInt8], of message: UnsafeBufferPointer<UInt8>, by publicKey: [UInt8]
    ) -> Bool {
        guard isReady, signature.count == Int(crypto_sign_ed25519_BYTES),
            publicKey.count == Int(crypto_sign_ed25519_PUBLICKEYBYTES)
        else { return false }
        return crypto_sign_ed25519_verify_detached(
            signature, message.baseAddress, UInt64(message.count), publicKey) == 0
    }

    /// Same, of the 64 hex digits of `hash`, which is what a proof signs.
    static func isSignature(_ signature: [UInt8], ofHexOf hash: Hash, by publicKey: [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { digits in
            hash.writeHex(to: UnsafeMutableRawBufferPointer(digits))
            return isSignature(signature, of: UnsafeBufferPointer(digits), by: publicKey)
        }
    }

    /// Whether 32 bytes are the canonical encoding of a point of the prime-order group other than the identity.
    static func isValidPoint(_ encoding: [UInt8]) -> Bool {
        guard isReady, encoding.count == Int(crypto_core_ed25519_BYTES) else { return false }
        return crypto_core_ed25519_is_valid_point(encoding) == 1
    }
}
