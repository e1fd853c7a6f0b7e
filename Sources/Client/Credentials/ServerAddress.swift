import Foundation

/// Where a server is: scheme, host and perhaps a port; for example `https://ledger.example.com`.
public struct ServerAddress: Sendable, Equatable {
    /// What `nrx-server` listens on without options.
    public static let standard = "http://127.0.0.1:8080"

    public let text: String
    public let isSecure: Bool
    public let host: String
    public let port: Int
    /// Host and port as a `Host` header has them: without the scheme's own port.
    let authority: String

    /// - Throws: ``ClientError/Code/usage`` for what is no such address, and for plain HTTP to another machine, where the
    ///   key would be sent in the clear.
    public init(_ text: String, allowsInsecure: Bool = false) throws(ClientError) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.query == nil, parts.fragment == nil, parts.path.isEmpty || parts.path == "/"
        else {
            throw ClientError(.usage, "\(text) is no server's address. Write it like https://ledger.example.com.")
        }
        isSecure = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (isSecure ? 443 : 80)
        let isOwn = ["localhost", "127.0.0.1", "::1"].contains(self.host)
        guard isSecure || isOwn || allowsInsecure else {
            throw ClientError(
                .usage,
                "Over plain HTTP the API key would be sent in the clear to \(self.host). Use https://, or set "
                    + "NRX_INSECURE_HTTP=1 on a network that you trust.")
        }
        let shown = self.host.contains(":") ? "[\(self.host)]" : self.host
        let isDefaultPort = port == (isSecure ? 443 : 80)
        authority = shown + (isDefaultPort ? "" : ":\(port)")
        self.text = "\(scheme)://\(authority)"
    }
}
