import CSodium
import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

/// Arithmetic modulo the order of the group, for signatures that no honest signer makes.
enum Scalars {
    static func reduced(sha512 parts: [UInt8]...) -> [UInt8] {
        let joined = parts.flatMap { $0 }
        var hash = [UInt8](repeating: 0, count: 64)
        crypto_hash_sha512(&hash, joined, UInt64(joined.count))
        var scalar = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_reduce(&scalar, hash)
        return scalar
    }

    static func product(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_mul(&result, left, right)
        return result
    }

    static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_add(&result, left, right)
        return result
    }

    static func timesBase(_ scalar: [UInt8]) -> [UInt8] {
        var point = [UInt8](repeating: 0, count: 32)
        _ = crypto_scalarmult_ed25519_base_noclamp(&point, scalar)
        return point
    }
}

/// A proof under the key A + T, T of order 8. When the challenge is a multiple of 8, T drops out of the equation and a
/// cofactorless verification accepts: only a check of the key itself notices.
enum MixedOrderForger {
    static let torsionPoint = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"

    static func proof() throws -> (document: JSONValue, key: VerificationKey, signature: [UInt8], message: [UInt8]) {
        let secret = Scalars.reduced(sha512: [1])
        let torsion = try #require([UInt8](lowerCaseHex: torsionPoint))
        var mixed = [UInt8](repeating: 0, count: 32)
        try #require(crypto_core_ed25519_add(&mixed, Scalars.timesBase(secret), torsion) == 0)
        let key = try #require(VerificationKey(rawBytes: mixed))
        let forged = try Forger.proof { documents in
            documents[7] = documents[7].replacing([.member("public_key_sha256")], with: .string(key.spkiSHA256.hex))
        }
        let message = Array(try #require(forged["final_hash"]?.string).utf8.dropFirst(7))
        for attempt in UInt8.min...UInt8.max {
            let nonce = Scalars.reduced(sha512: [2, attempt])
            let point = Scalars.timesBase(nonce)
            let challenge = Scalars.reduced(sha512: point, mixed, message)
            guard challenge[0] & 7 == 0 else { continue }
            let signature = point + Scalars.sum(nonce, Scalars.product(challenge, secret))
            let attestation: [JSONStep] = [.member("attestation")]
            let document =
                forged
                .replacing(attestation + [.member("public_key")], with: .string(key.text))
                .replacing(
                    attestation + [.member("signature")], with: .string("base64:" + CanonicalBase64.encode(signature)))
            return (document, key, signature, message)
        }
        throw ProofError(.invalidInput, "no challenge was a multiple of 8")
    }
}

/// A signature whose R is the identity: S = h·a satisfies the equation.
enum IdentityRForger {
    static func make(seed: [UInt8], message: [UInt8]) throws -> (key: VerificationKey, signature: [UInt8]) {
        let secret = Scalars.reduced(sha512: seed)
        let key = try #require(VerificationKey(rawBytes: Scalars.timesBase(secret)))
        let identity: [UInt8] = [1] + [UInt8](repeating: 0, count: 31)
        let challenge = Scalars.reduced(sha512: identity, key.rawBytes, message)
        return (key, identity + Scalars.product(challenge, secret))
    }
}
