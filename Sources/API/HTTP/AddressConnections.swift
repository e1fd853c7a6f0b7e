import Ledger
import Glibc
import NIOCore
import Synchronization

/// How many connections each client address has open; IPv6 by its /64, which one customer of a provider has whole.
/// Proxies that the operator named are not counted: everybody comes through them.
final class AddressConnections: Sendable {
    private let limit: Int
    private let exempt: [AddressRange]
    /// Addresses without a connection are not kept, so this is never larger than the number of connections.
    private let open = Mutex<[InternetAddress: Int]>([:])

    init(limit: Int, exempt: [AddressRange]) {
        self.limit = limit
        self.exempt = exempt
    }

    /// Counts a connection of `address`; ``close(_:)`` must follow when it ends.
    ///
    /// - Returns: false, with nothing counted, when the address has as many as it may.
    func open(_ address: InternetAddress) -> Bool {
        if exempt.contain(address) { return true }
        return open.withLock { open in
            let count = open[address.network, default: 0]
            guard count < limit else { return false }
            open[address.network] = count + 1
            return true
        }
    }

    /// One connection of `address` has ended.
    func close(_ address: InternetAddress) {
        if exempt.contain(address) { return }
        open.withLock { open in
            let count = open[address.network, default: 0] - 1
            open[address.network] = count > 0 ? count : nil
        }
    }

    /// Connections of `address` that are open.
    func count(of address: InternetAddress) -> Int { open.withLock { $0[address.network, default: 0] } }
}

extension InternetAddress {
    /// The other end of a connection, without the zone of a link-local address, which says nothing about who it is; nil for
    /// a Unix socket.
    init?(of channel: any Channel) {
        switch channel.remoteAddress {
        case .v4(let address): self.init(v4: address.address.sin_addr.s_addr)
        case .v6(let address): self = withUnsafeBytes(of: address.address.sin6_addr) { InternetAddress(v6: $0) }
        default: return nil
        }
    }
}
