import HTTPTypes

/// What of a message's header goes through a proxy to a session's port, in each direction.
///
/// Inside runs whatever somebody put there, so nothing that speaks for the caller goes in; and what comes out must not act
/// as a page of this server, which a browser may be signed in to.
enum PortHeaders {
    /// Of one connection alone (RFC 9110 §7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "host",
    ]
    /// Who the caller is, and from where.
    private static let callerOnly: Set<String> = [
        "authorization", "nrx-environment", "idempotency-key", "x-forwarded-for", "forwarded", "expect",
    ]
    /// What would change how a browser treats this server's other pages.
    private static let serverOnly: Set<String> = [
        "set-cookie", "clear-site-data", "strict-transport-security", "alt-svc", "nel", "report-to",
        "service-worker-allowed", "content-security-policy",
    ]
    /// Pages from inside run in an origin of their own: without this server's cookies and storage.
    static let sandboxPolicy = "sandbox allow-scripts allow-forms allow-popups allow-modals"

    static func inward(_ fields: HTTPFields) -> HTTPFields {
        let named = listed(in: fields)
        var kept = HTTPFields()
        for field in fields {
            let name = field.name.canonicalName
            guard !hopByHop.contains(name), !callerOnly.contains(name), !named.contains(name) else { continue }
            guard name == "cookie" else {
                kept.append(field)
                continue
            }
            let cookies = field.value.split(separator: ";").filter { pair in
                !pair.drop { $0 == " " }.hasPrefix(MemberAuthenticator.cookieName + "=")
            }
            if !cookies.isEmpty { kept.append(HTTPField(name: field.name, value: cookies.joined(separator: ";"))) }
        }
        return kept
    }

    /// - Parameter prefix: the path under which the port's `/` is reached.
    static func outward(_ fields: HTTPFields, prefix: String, port: UInt16) -> [(name: String, value: String)] {
        let named = listed(in: fields)
        var kept: [(name: String, value: String)] = []
        var policies = [sandboxPolicy]
        for field in fields {
            let name = field.name.canonicalName
            if name == "content-security-policy" { policies.append(field.value) }
            guard !hopByHop.contains(name), !serverOnly.contains(name), !named.contains(name),
                !name.hasPrefix("access-control-"), name != "content-type"
            else { continue }
            let value = name == "location" ? location(field.value, prefix: prefix, port: port) : field.value
            kept.append((field.name.rawName, value))
        }
        // Of several policies all hold (CSP Level 3 §4.2).
        kept.append(("Content-Security-Policy", policies.joined(separator: ", ")))
        return kept
    }

    /// Redirects of the server inside, which knows nothing of the path it is reached at.
    static func location(_ text: String, prefix: String, port: UInt16) -> String {
        for own in ["http://localhost:\(port)", "http://127.0.0.1:\(port)"] where text.hasPrefix(own) {
            let rest = text.dropFirst(own.count)
            if rest.isEmpty || rest.hasPrefix("/") { return prefix + (rest.isEmpty ? "/" : rest) }
        }
        return text.hasPrefix("/") && !text.hasPrefix("//") ? prefix + text : text
    }

    /// The names that `Connection` lists.
    private static func listed(in fields: HTTPFields) -> Set<String> {
        Set(
            fields[values: .connection].flatMap { $0.split(separator: ",") }
                .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() })
    }
}
