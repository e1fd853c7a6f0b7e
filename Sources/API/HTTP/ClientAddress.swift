import Ledger

/// Finds out which address a request really comes from. What proxies say is believed only of proxies that the operator
/// named: anyone can write an `X-Forwarded-For`.
struct ClientAddress: Sendable {
    let trustedProxies: [AddressRange]

    /// Proxies on the way that are looked at; an honest chain is far shorter.
    private static let hopsMax = 32

    /// The rightmost address that is not a trusted proxy's.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection; nil when it has no address.
    ///   - forwardedFor: the values of the `X-Forwarded-For` fields in their order.
    func find(peer: InternetAddress?, forwardedFor: [String]) -> InternetAddress? {
        guard var address = peer else { return nil }
        var hops = forwardedFor.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.suffix(
            Self.hopsMax)
        // Each proxy appends whom it was asked by; what a trusted one wrote is as good as what we see ourselves.
        while trustedProxies.contain(address), let hop = hops.popLast() {
            guard let next = Self.address(in: hop) else { break }
            address = next
        }
        return address
    }

    /// The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
    private static func address(in hop: Substring) -> InternetAddress? {
        var text = hop.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[" {
            return InternetAddress(String(text.dropFirst().prefix { $0 != "]" }))
        }
        let colons = text.utf8.count { $0 == UInt8(ascii: ":") }
        return InternetAddress(String(colons == 1 ? text.prefix { $0 != ":" } : text))
    }
}
