import Ledger

/// Addresses that stand for a place on the public internet. Whoever registers an agent chooses what this node asks, so it must
/// not be led to what only this node, or its network, can reach.
enum PublicAddresses {
    /// Not globally reachable, or leading to such: the IANA special-purpose registry for IPv4 (RFC 6890), and multicast.
    private static let specialV4 = ranges([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    ])
    /// All of IPv6 that is given out for global use (RFC 4291 §2.4, IANA): loopback, NAT64, unique local, link local and
    /// multicast addresses lie outside.
    private static let globalV6 = ranges(["2000::/3"])
    /// Within it: protocol assignments with Teredo and ORCHID, documentation, and 6to4, which wraps an IPv4 address.
    private static let specialV6 = ranges(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"])

    static func contain(_ address: InternetAddress) -> Bool {
        switch address.family {
        case .v4: !specialV4.contain(address)
        case .v6: globalV6.contain(address) && !specialV6.contain(address)
        }
    }

    private static func ranges(_ texts: [String]) -> [AddressRange] {
        texts.map { text in
            do { return try AddressRange(text) } catch { preconditionFailure("the table holds \(text): \(error)") }
        }
    }
}
