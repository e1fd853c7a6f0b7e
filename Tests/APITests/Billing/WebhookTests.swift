import CanonicalJSON
import Crypto
import Foundation
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("Stripe's webhook: signatures", .serialized, .timeLimit(.minutes(10)))
struct WebhookTests {
    private static let body = Array(
        #"{"id":"evt_1","object":"event","created":1772373600,"type":"ping","data":{"object":{}}}"#.utf8)
    private static let secrets = ["whsec_first", "whsec_second"]
    /// The test server's clock: 2026-03-01T14:00:00Z.
    private static let now: Int64 = 1_772_373_600

    private func status(_ header: String?, _ body: [UInt8] = body, secrets: [String] = ["whsec_first"]) async throws
        -> Int
    {
        try await TestServer.with(configure: { $0.stripe.webhookSecrets = secrets }) { server in
            try await server.send(
                .post, "/v1/billing/webhook", headers: header.map { [("Stripe-Signature", $0)] } ?? [], bytes: body
            ).status
        }
    }

    @Test(
        "signatures by Stripe's own library are accepted, one among several too, with any secret that is in use",
        .enabled(if: StripeLibrary.isAvailable))
    func library() async throws {
        let one = try StripeLibrary.header(Self.body, time: Self.now, secrets: ["whsec_first"])
        #expect(try await status(one) == 200)
        #expect(try await status(one, secrets: ["whsec_second"]) == 400)
        #expect(try await status(one, secrets: ["whsec_second", "whsec_first"]) == 200)
        let both = try StripeLibrary.header(Self.body, time: Self.now, secrets: Self.secrets)
        for secret in Self.secrets { #expect(try await status(both, secrets: [secret]) == 200) }
        #expect(StripeWebhook.header(Self.body, time: Self.now, secrets: Self.secrets) + ",v0=6ffbb59b" == both)
        #expect(try await status(one, Self.body + [0x20]) == 400)
    }

    @Test(
        "300 seconds before and after are within the tolerance, 301 are not",
        arguments: [(-301, 400), (-300, 200), (0, 200), (300, 200), (301, 400)])
    func tolerance(seconds: Int64, expected: Int) async throws {
        let header = StripeWebhook.header(Self.body, time: Self.now + seconds, secrets: ["whsec_first"])
        #expect(try await status(header) == expected)
    }

    @Test(
        "what is not signed, or not whole, is a 400",
        arguments: [
            "", "t=1772373600", "v1=00", "t=x,v1=00", "t=1772373600,v1=zz", "t=1772373600,v0=SIGNATURE",
            "t=1772373601,v1=SIGNATURE", "t=+1772373600,v1=SIGNATURE", "v1=SIGNATURE",
        ])
    func malformed(header: String) async throws {
        let whole = StripeWebhook.header(Self.body, time: Self.now, secrets: ["whsec_first"])
        let signature = try #require(whole.split(separator: "=").last)
        #expect(try await status(header.replacing("SIGNATURE", with: signature)) == 400)
        #expect(try await status(nil) == 400)
    }

    @Test("a signed body that is no event is a 400; without a signing secret it is a 501 that says what to configure")
    func noEvent() async throws {
        for text in [
            "", "[]", "{}", #"{"id":"evt_1"}"#, #"{"id":"evt_1","created":-1,"type":"x","data":{"object":{}}}"#,
        ] {
            let body = Array(text.utf8)
            let header = StripeWebhook.header(body, time: Self.now, secrets: ["whsec_first"])
            #expect(try await status(header, body) == 400, "\(text)")
        }
        try await TestServer.with { server in
            let answer = try await server.send(.post, "/v1/billing/webhook", bytes: Self.body)
            #expect(answer.status == 501 && answer["message"]?.string?.contains("NRX_STRIPE_WEBHOOK_SECRET") == true)
        }
    }
}

/// Signs as Stripe does; that it is the same as Stripe's own library is tested.
enum StripeWebhook {
    static func header(_ body: [UInt8], time: Int64, secrets: [String]) -> String {
        let message = Data("\(time).".utf8 + body)
        let signatures = secrets.map { secret in
            let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Data(secret.utf8)))
            return "v1=" + code.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        return (["t=\(time)"] + signatures).joined(separator: ",")
    }
}
