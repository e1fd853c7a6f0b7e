import AsyncHTTPClient
import CanonicalJSON
import Foundation
import Logging
import NIOCore
import NIOHTTP1

/// Speaks to Stripe's API: forms in, JSON out.
struct StripeClient: Sendable {
    /// The version whose answers are read here.
    static let version = "2024-06-20"
    /// Longest wait for one answer, in seconds.
    static let answerSecondsMax: Int64 = 30
    /// Largest answer that is read, in bytes.
    static let answerBytesMax = 1 << 20

    let url: String
    let secretKey: String
    let logger: Logger

    /// A page on which `tier` is paid for.
    struct Checkout: Sendable {
        var customerID: String
        var email: String
        var tier: String
        var price: String
        var successURL: String
        var cancelURL: String
    }

    /// - Parameter idempotencyKey: the same for a repeat of the same request.
    /// - Returns: the address of the page.
    /// - Throws: `unavailable`; why stands in the server's log.
    func create(_ checkout: Checkout, idempotencyKey: String) async throws(APIError) -> String {
        let form = [
            ("mode", "subscription"), ("line_items[0][price]", checkout.price), ("line_items[0][quantity]", "1"),
            ("client_reference_id", checkout.customerID), ("customer_email", checkout.email),
            ("metadata[customer_id]", checkout.customerID), ("metadata[tier]", checkout.tier),
            ("subscription_data[metadata][customer_id]", checkout.customerID),
            ("subscription_data[metadata][tier]", checkout.tier), ("success_url", checkout.successURL),
            ("cancel_url", checkout.cancelURL),
        ]
        let answer = try await send(.POST, "/v1/checkout/sessions", form, idempotencyKey: idempotencyKey)
        guard answer.status == 200, let url = answer.body["url"]?.string else { throw failure(answer) }
        return url
    }

    /// Cancels a subscription at once; one that is cancelled already, or gone, is no error.
    func cancel(subscription id: String) async throws(APIError) {
        let answer = try await send(.DELETE, "/v1/subscriptions/\(Self.escaped(id))", [("prorate", "true")])
        let isGone = answer.status == 404 || answer.body["error"]?["code"] == "resource_missing"
        guard answer.status == 200 || isGone else { throw failure(answer) }
    }

    private struct Answer { let status: Int, body: JSONValue }

    private func send(
        _ method: HTTPMethod, _ path: String, _ form: [(String, String)], idempotencyKey: String? = nil
    ) async throws(APIError) -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(secretKey)")
        request.headers.add(name: "Stripe-Version", value: Self.version)
        request.headers.add(name: "User-Agent", value: "nrx-ledger")
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        if let idempotencyKey { request.headers.add(name: "Idempotency-Key", value: idempotencyKey) }
        let text = form.map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }.joined(separator: "&")
        request.body = .bytes(ByteBuffer(string: text))
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(Self.answerSecondsMax))
            let bytes = try await response.body.collect(upTo: Self.answerBytesMax)
            let body = try JSONReader.read(Array(bytes.readableBytesView), numbers: .ieee754)
            return Answer(status: Int(response.status.code), body: body)
        } catch {
            logger.error("Stripe does not answer", metadata: ["path": .string(path), "error": .string("\(error)")])
            throw Self.unreachable
        }
    }

    /// Stripe's words for people may hold an e-mail, so only its codes are logged.
    private func failure(_ answer: Answer) -> APIError {
        let error = answer.body["error"]
        logger.error(
            "Stripe refused",
            metadata: [
                "status": .stringConvertible(answer.status), "type": .string(error?["type"]?.string ?? "-"),
                "code": .string(error?["code"]?.string ?? "-"), "param": .string(error?["param"]?.string ?? "-"),
            ])
        return answer.status == 429 || answer.status >= 500
            ? Self.unreachable
            : APIError(
                .unavailable,
                "The payment provider refused the request. Contact support with the X-Request-Id of this answer."
            )
    }

    private static let unreachable = APIError(
        .unavailable, "The payment provider does not answer. Nothing was done; try again later.", retryAfterSeconds: 30)

    /// Percent-encoded, but for what RFC 3986 §2.3 leaves alone.
    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
