import EventStore
import Ledger
import Proofs

/// An API key that was just made: the text for its owner, and what the ledger keeps of it.
struct NewAPIKey: Sendable {
    /// Shown once, in the answer to the request that made it.
    let text: String
    let issued: NewKey

    init(
        prefix: KeyPrefix, name: String, permissions: Permissions, expiresAt: Timestamp? = nil
    ) throws(APIError) {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<APIKey.secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(ProofError) {
            let key = try APIKey(prefix: prefix, secret: secret)
            text = key.text
            issued = NewKey(
                id: KeyID(using: &generator), name: name, prefix: prefix, display: key.displayPrefix,
                secretSHA256: key.storedHash, permissions: permissions, expiresAt: expiresAt)
        } catch { throw .internalError }
    }
}
