import Ledger
import Proofs

/// An API key that was just made: the text for its owner, and what the ledger keeps of it.
struct NewAPIKey: Sendable {
    /// Shown once, in the answer to the request that made it.
    let text: String
    let issued: NewKey

    init(prefix: KeyPrefix, name: String, permissions: Permissions) throws(APIError) {
        var generator = RandomBatch()
        try self.init(prefix: prefix, name: name, permissions: permissions, using: &generator)
    }

    /// - Parameter generator: of the piece of work that the key is made in.
    init(
        prefix: KeyPrefix, name: String, permissions: Permissions, using generator: inout RandomBatch
    ) throws(APIError) {
        let key = try Self.secret(prefix: prefix, using: &generator)
        text = key.text
        issued = NewKey(
            id: KeyID(using: &generator), name: name, prefix: prefix, display: key.displayPrefix,
            secretSHA256: key.storedHash, permissions: permissions)
    }

    /// A fresh secret from the system's generator.
    static func secret(prefix: KeyPrefix) throws(APIError) -> APIKey {
        var generator = RandomBatch()
        return try secret(prefix: prefix, using: &generator)
    }

    private static func secret(prefix: KeyPrefix, using generator: inout RandomBatch) throws(APIError) -> APIKey {
        let bytes = generator.bytes(APIKey.secretBytes)
        do throws(ProofError) { return try APIKey(prefix: prefix, secret: bytes) } catch { throw .internalError }
    }
}
