public import EventStore

/// A witness that this server asks for cosignatures.
public struct Witness: Sendable, Equatable {
    /// The submission prefix (C2SP `tlog-witness`), without a slash at its end.
    public let url: String
    public let key: WitnessKey

    /// Reads `URL=VKEY`.
    ///
    /// - Throws: ``ServerError`` saying what is wrong with it.
    public init(_ text: String) throws(ServerError) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0].hasPrefix("http://") || parts[0].hasPrefix("https://") else {
            throw ServerError(
                "--witness \(text) must be URL=VKEY, for example https://witness.example/w1=NAME+1a2b+BA….")
        }
        guard let key = WitnessKey(parts[1]) else {
            throw ServerError("--witness: \(parts[1]) is no verifier key of a witness (Ed25519 cosignature/v1).")
        }
        var url = parts[0]
        while url.hasSuffix("/") { url.removeLast() }
        self.url = url
        self.key = key
    }
}
