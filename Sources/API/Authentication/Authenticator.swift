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
    ///   - token: what the `Authorization` header presents.
    ///   - address: where the request comes from, when that is known.
    ///   - trace: the request's id.
    /// - Throws: `unauthorized`. Why a well-formed key is refused stands only in the owner's log: it would tell a thief what
    ///   is worth trying.
    func authenticate(
        _ token: BearerToken, from address: InternetAddress?, trace: String
    ) throws(APIError) -> Principal {
        let presented: KeyDirectory.Found?
        do throws(ProofError) { presented = try keys.find(presented: token.text) } catch {
            refusals.note(.malformed, of: nil, trace: trace)
            throw .malformedKey
        }
        guard let found = presented else {
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
        do throws(ProofError) {
            guard let found = try keys.find(presented: text), found.refusal(from: address, at: now()) == nil else {
                return nil
            }
            return Principal(found.key)
        } catch { return nil }
    }

    /// Requests a minute that the plan of the key's customer allows it; nil for no limit.
    func requestsPerMinute(of key: KeyID) -> Int? {
        keys.find(key).flatMap { Plan.of($0.tier).requestsPerMinute(of: $0.prefix) }
    }
}

/// What a request presents of who sends it: in an `Authorization` header what follows `Bearer `, whose case does not matter (RFC 9110 §11.1).
struct BearerToken: Sendable {
    let text: String
    /// Whether it has the form of an access token, three parts with dots between, rather than of an API key.
    let isAccessToken: Bool

    private static let scheme = Array("bearer ".utf8)

    /// - Returns: nil for any other scheme, or none.
    init?(_ header: String) {
        let bytes = header.utf8
        guard bytes.count > Self.scheme.count,
            zip(bytes, Self.scheme).allSatisfy({ $0 | (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? 0x20 : 0) == $1 })
        else { return nil }
        self.init(token: String(header[bytes.index(bytes.startIndex, offsetBy: Self.scheme.count)...]))
    }

    /// A token that came another way than in the header.
    init(token: String) {
        text = token
        isAccessToken = text.utf8.contains(UInt8(ascii: "."))
    }
}

extension APIError {
    /// Anyone can compute a key's checksum, so this helps nobody but the owner of a mistyped key.
    static let malformedKey = APIError(
        .unauthorized, "The API key is malformed: it is cut off or mistyped. Copy it again, whole.",
        reason: KeyRefusal.malformed.rawValue)
}
