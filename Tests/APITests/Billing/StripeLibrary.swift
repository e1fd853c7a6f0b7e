import Foundation
import ServerFixtures

/// Stripe's own Python library, which scripts/setup.sh installs: an independent maker and judge of signatures.
enum StripeLibrary {
    private static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build/python/bin/python")
        .path(percentEncoded: false)

    /// False, with the reason printed, where the library is missing; the tests run, and so fail, where `CI=true`.
    static let isAvailable: Bool = {
        let result = try? BuiltPrograms.run(python, ["-c", "import stripe"])
        if result?.status == 0 { return true }
        print(
            """
            Tests of webhooks against Stripe's own library cannot work here: \(result?.errors ?? "no \(python)")
            Run scripts/setup.sh, which installs Tests/requirements.txt.
            """)
        return ProcessInfo.processInfo.environment["CI"] == "true"
    }()

    /// The header that Stripe would send with `body`: one `v1` for each secret, accepted by the library itself.
    static func header(_ body: [UInt8], time: Int64, secrets: [String]) throws -> String {
        let script = """
            import sys, stripe
            time, secrets, body = int(sys.argv[1]), sys.argv[2:], sys.stdin.buffer.read().decode()
            sign = stripe.WebhookSignature._compute_signature
            header = f"t={time}," + ",".join("v1=" + sign(f"{time}.{body}", secret) for secret in secrets) + ",v0=6ffbb59b"
            for secret in secrets:
                stripe.Webhook.construct_event(body, header, secret, tolerance=None)
            print(header, end="")
            """
        let result = try BuiltPrograms.run(python, ["-c", script, String(time)] + secrets, input: Data(body))
        guard result.status == 0 else { throw Failure(text: result.errors) }
        return result.text
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}
