import EventStore
import Ledger
import Projections
import Proofs

/// Finds out who a request comes from.
struct Authenticator: Sendable {
    let keys: KeyDirectory
    let refusals: KeyRefusals
    let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - authorization: the `Authorization` header.
    ///   - address: where the request comes from, when that is known.
    ///   - trace: the request's id.
    /// - Throws: `unauthorized`. Why a well-formed key is refused stands only in the owner's log: it would tell a thief what
    ///   is worth trying.
    func authenticate(
        _ authorization: String?, from address: InternetAddress?, trace: String
    ) throws(APIError) -> Principal {
        guard let authorization, let text = Self.bearerToken(authorization) else { throw .unauthorized }
        let key: APIKey
        do throws(ProofError) { key = try APIKey(parsing: text) } catch {
            refusals.note(.malformed, of: nil, trace: trace)
            throw .malformedKey
        }
        guard let found = keys.find(secretSHA256: key.storedHash) else {
            refusals.note(.unknown, of: nil, trace: trace)
            throw .unauthorized
        }
        if let reason = found.refusal(from: address, at: now()) {
            refusals.note(reason, of: found.key, trace: trace)
            throw .unauthorized
        }
        return Principal(found.key)
    }

    /// The holder of a whole key as it is now; nil when it would be refused. Notes nothing: for asking again.
    func isAccepted(_ text: String, from address: InternetAddress?) -> Principal? {
        let key: APIKey
        do throws(ProofError) { key = try APIKey(parsing: text) } catch { return nil }
        guard let found = keys.find(secretSHA256: key.storedHash), found.refusal(from: address, at: now()) == nil else {
            return nil
        }
        return Principal(found.key)
    }

    /// Requests a minute that the plan of the key's customer allows it; nil for no limit.
    func requestsPerMinute(of key: KeyID) -> Int? {
        keys.find(key).flatMap { Plan.of($0.tier).requestsPerMinute(of: $0.prefix) }
    }

    /// What follows `Bearer `, whose case does not matter (RFC 9110 §11.1).
    private static func bearerToken(_ header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

extension APIError {
    /// Anyone can compute a key's checksum, so this helps nobody but the owner of a mistyped key.
    static let malformedKey = APIError(
        .unauthorized, "The API key is malformed: it is cut off or mistyped. Copy it again, whole.",
        reason: KeyRefusal.malformed.rawValue)
}
