import EventStore
import Foundation
import Glibc
import Ledger
import NIOCore

/// Where an agent's URL leads, looked up once: what is checked is what is then connected to, so that a name which changes its
/// address in between (DNS rebinding) gains nothing.
struct ProbeTarget: Sendable, Equatable {
    /// As it stands in the URL, without brackets.
    let host: String
    let address: InternetAddress

    /// Why there is no target.
    enum Problem: Error, Sendable, Equatable {
        /// The name is of nobody: the agent cannot be there.
        case unknownHost
        /// May not be asked, or could not be looked up: nothing is known.
        case uncounted(String)
    }

    init(host: String, address: InternetAddress) {
        self.host = host
        self.address = address
    }

    /// Resolves the host of `url` as the system does. Blocks, for seconds when name servers are away.
    ///
    /// - Parameter allowsPrivate: whether any address will do, also one of this machine or its network.
    init(url: String, allowsPrivate: Bool) throws(Problem) {
        guard let text = URL(string: url)?.host, !text.isEmpty else {
            throw .uncounted("the URL names no host")
        }
        host = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        let addresses: [InternetAddress]
        if let written = InternetAddress(host) { addresses = [written] } else { addresses = try Self.lookUp(host) }
        guard let first = addresses.first else { throw .unknownHost }
        if !allowsPrivate {
            let own = Self.ownAddresses()
            // One that is not public among several is an attempt, whichever would be taken.
            for address in addresses where !PublicAddresses.contain(address) || own.contains(address) {
                throw .uncounted("\(address) is no public address (--probe-private-addresses allows it)")
            }
        }
        address = first
    }

    private static func lookUp(_ host: String) throws(Problem) -> [InternetAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { if list != nil { freeaddrinfo(list) } }
        guard code == 0 else {
            if code == EAI_NONAME { throw .unknownHost }
            throw .uncounted("the name could not be looked up: \(String(cString: gai_strerror(code)))")
        }
        var addresses: [InternetAddress] = []
        var entry = list
        while let info = entry?.pointee {
            if let address = address(info) { addresses.append(address) }
            entry = info.ai_next
        }
        return addresses
    }

    private static func address(_ info: addrinfo) -> InternetAddress? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        // Without NI_NUMERICHOST the answer would be a name.
        guard
            getnameinfo(
                info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { return nil }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        // A link-local address has its zone behind it, and is none that can be asked anyway.
        return InternetAddress(String(decoding: bytes.prefix { $0 != UInt8(ascii: "%") }, as: UTF8.self))
    }

    /// The addresses of this machine's own interfaces: behind a public one, too, there are services that only it should reach.
    private static func ownAddresses() -> Set<InternetAddress> {
        let devices: [NIONetworkDevice]
        do { devices = try System.enumerateDevices() } catch { return [] }
        return Set(devices.compactMap { $0.address?.ipAddress.flatMap { InternetAddress($0) } })
    }
}
