import CanonicalJSON
import Crypto
import EventStore
import Foundation
import JWTKit
import Ledger
import Synchronization
import Vault

/// Signs and checks tokens: Ed25519 JWTs, whose keys are kept wrapped in the vault and named by `kid`.
///
/// The newest key signs; older ones are kept until everything that they signed has expired.
final class TokenService: Sendable {
    /// A key signs this long before the next start makes another.
    static let signingDurationSeconds: Int64 = 30 * 24 * 3_600

    private struct Key: Sendable {
        let id: String
        let createdAtSeconds: Int64
        /// Base64url, as a JWK has it.
        let publicKey: String
    }

    let issuer: String
    private let vault: Vault
    private let now: @Sendable () -> Timestamp
    private let collection = JWTKeyCollection()
    /// Oldest first.
    private let keys = Mutex<[Key]>([])

    /// Reads the keys, makes the first one, replaces one that has signed long enough, and forgets those that nothing
    /// valid is signed with any more.
    init(vault: Vault, now: @escaping @Sendable () -> Timestamp) async throws {
        issuer = vault.origin
        self.vault = vault
        self.now = now
        for key in try await vault.tokenKeys() { try await add(key) }
        let newest = keys.withLock { $0.last?.createdAtSeconds }
        if newest.map({ $0 + Self.signingDurationSeconds <= seconds }) ?? true { try await rotate() }
        try await removeOutdated()
    }

    private var seconds: Int64 { now().wholeSecond.microseconds / 1_000_000 }

    /// Makes another key and signs with it from now on.
    ///
    /// - Returns: its `kid`.
    @discardableResult
    func rotate() async throws -> String {
        let number = UInt64.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        let id = "jwt-" + String(repeating: "0", count: 16 - digits.count) + digits
        try await add(try await vault.addTokenKey(id: id, createdAtSeconds: seconds))
        return id
    }

    private func add(_ key: TokenKey) async throws {
        // The library keeps its own copy of the seed for as long as it may sign.
        let seed = key.withSeed { Data(bytes: $0, count: 32) }
        let privateKey = EdDSA.PrivateKey(backing: try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
        await collection.add(eddsa: privateKey, kid: JWKIdentifier(string: key.id))
        let publicKey = Self.base64URL(Array(privateKey.publicKey.rawRepresentation))
        keys.withLock { keys in
            keys.append(Key(id: key.id, createdAtSeconds: key.createdAtSeconds, publicKey: publicKey))
        }
    }

    private func removeOutdated() async throws {
        let limit = seconds - TokenClaims.Purpose.refresh.lifetimeSeconds
        let outdated: [String] = keys.withLock { keys in
            // What a key signed last expires a refresh token's life after the next key was made.
            let ids = zip(keys, keys.dropFirst()).filter { $0.1.createdAtSeconds < limit }.map(\.0.id)
            keys.removeAll { ids.contains($0.id) }
            return ids
        }
        guard !outdated.isEmpty else { return }
        for id in outdated { _ = await collection.remove(kid: JWKIdentifier(string: id)) }
        try await vault.removeTokenKeys(outdated)
    }

    /// A signed token.
    func token(
        _ purpose: TokenClaims.Purpose, memberID: MemberID, signInID: SignInID, generation: Int64
    ) async throws(APIError) -> String {
        guard let kid = keys.withLock({ $0.last?.id }) else { throw .internalError }
        let claims = TokenClaims(
            issuer: issuer, purpose: purpose, memberID: memberID, signInID: signInID, generation: generation,
            issuedAtSeconds: seconds)
        do {
            return try await collection.sign(
                claims, kid: JWKIdentifier(string: kid),
                header: ["typ": .string(purpose.type), "alg": .string(Self.algorithm)])
        } catch { throw .internalError }
    }

    /// What `token` says, when it is signed by one of our keys, for this purpose, by and for us, and has not expired.
    ///
    /// - Returns: nil for anything else; why would help an attacker only.
    func claims(of token: String, _ purpose: TokenClaims.Purpose) async -> TokenClaims? {
        guard token.utf8.count <= Self.tokenBytesMax, hasOurHeader(token, purpose) else { return nil }
        let claims: TokenClaims
        do { claims = try await collection.verify(token, as: TokenClaims.self) } catch { return nil }
        guard claims.iss == issuer, claims.aud == purpose.audience, seconds < claims.exp,
            claims.exp - claims.iat == purpose.lifetimeSeconds
        else { return nil }
        return claims
    }

    /// Exactly `alg`, `kid` and `typ`, each as we write them: nothing in a header may choose how it is checked.
    private func hasOurHeader(_ token: String, _ purpose: TokenClaims.Purpose) -> Bool {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Self.bytes(base64URL: parts[0]) else { return false }
        let header: JSONValue
        do { header = try JSONReader.read(bytes) } catch { return false }
        guard let members = header.object, members.names.count == 3, let kid = members["kid"]?.string else {
            return false
        }
        return members["alg"]?.string == Self.algorithm && members["typ"]?.string == purpose.type
            && keys.withLock { $0.contains { $0.id == kid } }
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    var keySet: JSONValue {
        let keys = keys.withLock { $0 }
        return [
            "keys": .array(
                keys.map { key in
                    [
                        "alg": .string(Self.algorithm), "crv": "Ed25519", "kid": .string(key.id), "kty": "OKP",
                        "use": "sig", "x": .string(key.publicKey),
                    ]
                })
        ]
    }

    private static let algorithm = "EdDSA"
    private static let tokenBytesMax = 4_096

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func bytes(base64URL text: Substring.UTF8View) -> [UInt8]? {
        let standard = String(Substring(text)).replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        return Data(base64Encoded: standard + padding).map { Array($0) }
    }
}
