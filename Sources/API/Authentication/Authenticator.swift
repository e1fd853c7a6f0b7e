import EventStore
import Ledger
import Projections
import Proofs

/// Finds out who a request comes from.
struct Authenticator: Sendable {
    let keys: KeyDirectory
    let now: @Sendable () -> Timestamp

    /// - Parameter authorization: the `Authorization` header.
    /// - Throws: `unauthorized`, the same for every reason: which one it was would help an attacker.
    func authenticate(_ authorization: String?) throws(APIError) -> Principal {
        guard let authorization, let text = Self.bearerToken(authorization) else { throw .unauthorized }
        let key: APIKey
        do throws(ProofError) { key = try APIKey(parsing: text) } catch { throw .unauthorized }
        guard let record = keys.find(secretSHA256: key.storedHash), record.isActive(at: now()) else {
            throw .unauthorized
        }
        return Principal(
            identity: .key(record.id), customerID: record.customerID, environment: record.environment,
            permissions: record.permissions)
    }

    /// What follows `Bearer `, whose case does not matter (RFC 9110 §11.1).
    private static func bearerToken(_ header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}
