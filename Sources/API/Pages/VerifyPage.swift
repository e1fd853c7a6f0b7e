import EventStore
import Merkle

/// `GET /verify`: a page on which anyone checks a proof in their browser, without sending it anywhere.
///
/// One self-contained HTML file, so that it works saved to disk. Its Content-Security-Policy names the hashes of the one
/// style and the one script in it and forbids all else, every connection included.
struct VerifyPage: Sendable {
    /// The modules of the script, each behind those that it imports.
    private static let modules: [[UInt8]] = [
        PackageResources.bytes_mjs, PackageResources.json_mjs, PackageResources.canonical_mjs,
        PackageResources.hashing_mjs, PackageResources.ed25519_mjs, PackageResources.members_mjs,
        PackageResources.parts_mjs, PackageResources.documents_mjs, PackageResources.claims_mjs,
        PackageResources.proof_mjs, PackageResources.notes_mjs, PackageResources.recovery_mjs,
        PackageResources.keys_mjs, PackageResources.events_mjs,
        PackageResources.provenance_mjs, PackageResources.verdict_mjs, PackageResources.explain_mjs,
        PackageResources.render_mjs, PackageResources.page_mjs,
    ]

    /// The page before and behind the key that it offers.
    private let parts: (before: String, behind: String)
    /// The policy that the server sends along; the page itself carries what of it a page can.
    let policy: String

    /// Puts the page together.
    init() {
        let style = String(decoding: PackageResources.verify_css, as: UTF8.self)
        let script = Self.modules.map { Self.linked(String(decoding: $0, as: UTF8.self)) }.joined(separator: "\n")
        let ownPolicy = Self.policy(style: style, script: script)
        policy = ownPolicy + "; frame-ancestors 'none'"
        let pieces = Self.filled(
            String(decoding: PackageResources.verify_html, as: UTF8.self),
            ["policy": ownPolicy, "style": style, "script": script])
        parts = (pieces[0], pieces[1...].joined())
    }

    /// The page.
    ///
    /// - Parameter logKey: the key that it offers as the word of this server; nil offers none.
    func html(logKey: VerifierKey?) -> String { parts.before + Self.escaped(logKey?.description ?? "") + parts.behind }

    /// The page's only route.
    ///
    /// - Parameter logKey: the log's key at the time of a request.
    func routes(logKey: @escaping @Sendable () -> VerifierKey) -> [Route] {
        [Route(.get, "/verify", .public, produces: ["text/html"]) { _ in answer(logKey()) }]
    }

    private func answer(_ logKey: VerifierKey) -> APIResponse {
        var response = APIResponse(status: 200, body: Array(html(logKey: logKey).utf8))
        response.contentType = "text/html; charset=utf-8"
        response.headers = [
            ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Cache-Control", "no-cache"),
        ]
        return response
    }

    /// A module as a part of one script: what it imports stands before it, so imports and the word `export` go.
    private static func linked(_ module: String) -> String {
        module.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("import ") }
            .map { $0.hasPrefix("export ") ? $0.dropFirst("export ".count) : $0 }.joined(separator: "\n")
    }

    /// `default-src 'none'` forbids what is not named here, `connect-src 'none'` says the one that matters most aloud.
    private static func policy(style: String, script: String) -> String {
        [
            "default-src 'none'", "connect-src 'none'", "script-src '\(source(of: script))'",
            "style-src '\(source(of: style))'", "base-uri 'none'", "form-action 'none'",
            "require-trusted-types-for 'script'", "trusted-types 'none'",
        ].joined(separator: "; ")
    }

    /// A source expression for exactly this text (CSP Level 3 §2.3.1).
    private static func source(of text: String) -> String { "sha256-" + Hash(of: Array(text.utf8)).base64 }

    /// The template with `{{name}}` replaced, cut where `{{log-key}}` stands; what is put in is not looked at again.
    private static func filled(_ template: String, _ values: [String: String]) -> [String] {
        template.split(separator: "{{log-key}}", omittingEmptySubsequences: false).map { part in
            part.split(separator: "{{", omittingEmptySubsequences: false).enumerated().map { index, piece in
                guard index > 0, let end = piece.firstRange(of: "}}") else { return String(piece) }
                return (values[String(piece[..<end.lowerBound])] ?? "") + piece[end.upperBound...]
            }.joined()
        }
    }

    /// Text for the value of an attribute in double quotes.
    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
    }
}
