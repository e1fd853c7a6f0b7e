import Foundation
import ServerFixtures

/// Stripe's own Python library, in a virtual environment beside the build: an independent maker and judge of signatures.
enum StripeLibrary {
    private static let environment = BuiltPrograms.directory + "/stripe-venv"
    private static let version = "16.1.0"
    private static var python: String { environment + "/bin/python3" }

    /// False, with the reason printed, where the library cannot be had; the tests run, and so fail, where `CI=true`.
    static let isAvailable: Bool = {
        if isInstalled { return true }
        let script =
            "python3 -m venv \"$0\" && \"$0/bin/pip\" install --quiet --disable-pip-version-check stripe==\(version)"
        let result = try? BuiltPrograms.run("/bin/sh", ["-c", script, environment])
        if isInstalled { return true }
        print(
            """
            Tests of webhooks against Stripe's own library cannot work here. Install python3-venv (scripts/setup.sh does) \
            and let pip reach a package index:
            \(result?.errors ?? "/bin/sh does not start")
            """)
        return ProcessInfo.processInfo.environment["CI"] == "true"
    }()

    private static var isInstalled: Bool {
        let check = "import stripe, sys; sys.exit(stripe.VERSION != '\(version)')"
        return (try? BuiltPrograms.run(python, ["-c", check]))?.status == 0
    }

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
        let result = try BuiltPrograms.run(
            python, ["-c", script, String(time)] + secrets, input: Data(body))
        guard result.status == 0 else { throw Failure(text: result.errors) }
        return result.text
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }
}
