import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import Testing

/// A server that answers as Stripe's API reference documents for what this product asks: checkout sessions and the
/// cancelling of subscriptions, with its authentication, its errors and its idempotency.
final class TestStripe: Sendable {
    struct Received: Sendable {
        let method: String
        let path: String
        let form: [String: String]
        let idempotencyKey: String?
    }

    private struct State {
        var requests: [Received] = []
        var pages: [String: String] = [:]
        var subscriptions: Set<String> = []
        var failing: HTTPResponse.Status?
    }

    static let secretKey = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
    static let prices = ["price_starter", "price_business"]
    private let state = Mutex(State())

    /// Everything that was asked so far.
    var requests: [Received] { state.withLock { $0.requests } }
    /// Lets a subscription be there to be cancelled.
    func subscribe(_ id: String) { state.withLock { _ = $0.subscriptions.insert(id) } }
    var subscriptions: Set<String> { state.withLock { $0.subscriptions } }
    /// Makes every request fail with this status, as in an outage.
    func fail(with status: HTTPResponse.Status?) { state.withLock { $0.failing = status } }

    /// Runs `body` while it serves; it gets the address.
    func serve<Value: Sendable>(_ body: @Sendable (String) async throws -> Value) async throws -> Value {
        let router = Router()
        router.post("/v1/checkout/sessions") { request, _ in try await self.answer(request) { self.checkout($0) } }
        router.delete("/v1/subscriptions/:id") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await self.answer(request) { _ in self.cancel(id) }
        }
        return try await LocalServer.serve(router, body)
    }

    private typealias Reply = (status: HTTPResponse.Status, body: String)

    private func answer(_ request: Request, _ reply: (Received) -> Reply) async throws -> Response {
        let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { String($0).removingPercentEncoding ?? "" }
            if parts.count == 2 { form[parts[0]] = parts[1] }
        }
        let received = Received(
            method: request.method.rawValue, path: request.uri.path, form: form,
            idempotencyKey: HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] })
        let failing = state.withLock { state in
            state.requests.append(received)
            return state.failing
        }
        let result: Reply
        if let failing {
            result = (failing, #"{"error":{"message":"Try again.","type":"api_error"}}"#)
        } else if request.headers[.authorization] != "Bearer \(Self.secretKey)" {
            result = (
                .unauthorized, #"{"error":{"message":"Invalid API Key provided","type":"invalid_request_error"}}"#
            )
        } else if request.headers[.contentType] != "application/x-www-form-urlencoded" {
            result = (.badRequest, #"{"error":{"message":"Send a form","type":"invalid_request_error"}}"#)
        } else {
            result = reply(received)
        }
        return Response(
            status: result.status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: result.body)))
    }

    private func checkout(_ request: Received) -> Reply {
        guard Self.prices.contains(request.form["line_items[0][price]"] ?? ""), request.form["mode"] == "subscription",
            request.form["success_url"] != nil
        else {
            return (
                .badRequest,
                #"{"error":{"code":"resource_missing","param":"line_items[0][price]","type":"invalid_request_error"}}"#
            )
        }
        let id = state.withLock { state in
            let key = request.idempotencyKey ?? UUID().uuidString
            let id = state.pages[key] ?? "cs_test_\(state.pages.count + 1)"
            state.pages[key] = id
            return id
        }
        return (
            .ok,
            #"{"id":"\#(id)","object":"checkout.session","amount_total":2900,"url":"https://checkout.stripe.com/c/pay/\#(id)"}"#
        )
    }

    private func cancel(_ id: String) -> Reply {
        guard state.withLock({ $0.subscriptions.remove(id) }) != nil else {
            return (
                .notFound,
                #"{"error":{"code":"resource_missing","message":"No such subscription","type":"invalid_request_error"}}"#
            )
        }
        return (.ok, #"{"id":"\#(id)","object":"subscription","status":"canceled"}"#)
    }
}
