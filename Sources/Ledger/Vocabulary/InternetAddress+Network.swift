extension InternetAddress {
    /// What stands for whoever holds this address when requests are counted: IPv4 as it is, IPv6 by its first 64 bits,
    /// because providers give each customer at least that many addresses (RFC 6177).
    public var network: InternetAddress {
        switch family {
        case .v4: self
        case .v6: InternetAddress(bits: bits & (.max << 64))
        }
    }
}
