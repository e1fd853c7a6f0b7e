import Crypto
import EventStore
import Foundation

/// The `Stripe-Signature` header of a webhook: `t=` seconds, and `v1=` HMAC-SHA256 over `t.body` in hex, once for each
/// secret that is in use (docs.stripe.com, "Verify webhook signatures").
struct StripeSignature: Sendable {
    /// How far `t` may be from our clock, in seconds: a recorded request cannot be sent again later.
    static let toleranceSeconds: Int64 = 300

    private let time: Int64
    /// As it was signed.
    private let timeText: String
    private let signatures: [[UInt8]]

    /// - Throws: `badRequest` when the header is absent or malformed.
    init(_ header: String?) throws(APIError) {
        var time: (number: Int64, text: String)?
        var signatures: [[UInt8]] = []
        for part in (header ?? "").split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            switch pair[0].filter({ $0 != " " }) {
            case "t": time = Int64(pair[1]).map { ($0, String(pair[1])) }
            case "v1": if let bytes = Self.bytes(hex: pair[1]) { signatures.append(bytes) }
            // Other schemes (`v0`) are not signatures of live events.
            default: continue
            }
        }
        guard let time, !signatures.isEmpty else { throw .unsignedWebhook }
        self.time = time.number
        timeText = time.text
        self.signatures = signatures
    }

    /// - Throws: `badRequest` unless one of the signatures was made over `body` with one of `secrets`, within the tolerance
    ///   of `now`.
    func verify(_ body: [UInt8], secrets: [String], now: Timestamp) throws(APIError) {
        let seconds = now.microseconds / 1_000_000
        let isRecent = time >= seconds - Self.toleranceSeconds && time <= seconds + Self.toleranceSeconds
        let message = Array(timeText.utf8) + [UInt8(ascii: ".")] + body
        var isAuthentic = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.utf8))
            for signature in signatures {
                // In constant time, and every pair is tried.
                if HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: key) {
                    isAuthentic = true
                }
            }
        }
        guard isAuthentic else { throw .unsignedWebhook }
        guard isRecent else {
            throw APIError(
                .badRequest,
                "The webhook was signed more than \(Self.toleranceSeconds) seconds ago or ahead. Check clocks."
            )
        }
    }

    private static func bytes(hex: Substring) -> [UInt8]? {
        guard hex.utf8.count == 2 * SHA256.byteCount else { return nil }
        var bytes: [UInt8] = []
        var rest = hex[...]
        while !rest.isEmpty {
            guard rest.allSatisfy(\.isHexDigit), let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}

extension APIError {
    static let unsignedWebhook = APIError(
        .badRequest, "The webhook is not signed with this server's signing secret. Check NRX_STRIPE_WEBHOOK_SECRET.")
}
