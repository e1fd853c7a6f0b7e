import CanonicalJSON

/// A server and the API key to ask it with.
public struct Credentials: Sendable, Equatable {
    public let server: ServerAddress
    /// Nil when nobody is signed in: public routes can still be asked.
    public let apiKey: String?
    /// The key's id, when this program had it made and so may revoke it.
    public var keyID: String?

    public init(server: ServerAddress, apiKey: String?, keyID: String? = nil) {
        self.server = server
        self.apiKey = apiKey
        self.keyID = keyID
    }

    /// What holds for one run of the program. A key that was kept for one server is never shown to another.
    ///
    /// - Parameters:
    ///   - option: the server named on the command line.
    ///   - environment: `NRX_SERVER` and `NRX_API_KEY` go before the file; `NRX_INSECURE_HTTP=1` allows plain HTTP.
    ///   - file: where ``CredentialFile/save(_:)`` keeps a sign-in.
    public static func find(
        option: String?, environment: [String: String], file: CredentialFile
    ) throws(ClientError) -> Credentials {
        let allowsInsecure = environment["NRX_INSECURE_HTTP"] == "1"
        var named: ServerAddress?
        if let text = option ?? nonEmpty(environment["NRX_SERVER"]) {
            named = try ServerAddress(text, allowsInsecure: allowsInsecure)
        }
        if let key = nonEmpty(environment["NRX_API_KEY"]) {
            if let named { return Credentials(server: named, apiKey: key) }
            return Credentials(server: try ServerAddress(ServerAddress.standard), apiKey: key)
        }
        guard let kept = try file.load(allowsInsecure: allowsInsecure) else {
            if let named { return Credentials(server: named, apiKey: nil) }
            return Credentials(server: try ServerAddress(ServerAddress.standard), apiKey: nil)
        }
        guard let named, named != kept.server else { return kept }
        return Credentials(server: named, apiKey: nil)
    }

    private static func nonEmpty(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
}
